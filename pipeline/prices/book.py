"""A price book: for every device and instant the one price that holds, or why there is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Self

from pipeline.prices import checks, choice, commitments, file, network
from pipeline.prices.choice import Asked
from pipeline.prices.commitments import Commitment
from pipeline.prices.content import Content
from pipeline.prices.discount import Discount
from pipeline.prices.match import same, succession
from pipeline.prices.network import NetworkPrice
from pipeline.prices.price import Price, Profile
from pipeline.prices.quote import Quote
from pipeline.prices.rates import Rate

BUNDLED = "list_prices.yaml"


@dataclass(frozen=True, slots=True)
class Span:
    """A device's price in [start, end): as it is charged, or None with the reason."""

    start: datetime
    end: datetime
    price: Price | None
    reason: str = ""

    @property
    def nano_per_hour(self) -> int | None:
        return None if self.price is None else self.price.nano_per_hour


@dataclass(frozen=True, slots=True)
class PriceBook:
    """`version` is what the file calls itself, with a digest of what it holds.

    A row without an end holds until the next row of the same match begins.  ConfigError where rows of one
    match hold at the same time.
    """

    version: str
    prices: tuple[Price, ...]
    discounts: tuple[Discount, ...] = ()
    rates: tuple[Rate, ...] = ()
    network: tuple[NetworkPrice, ...] = ()

    def __post_init__(self) -> None:
        prices, discounts = followed(self.prices, self.discounts)
        object.__setattr__(self, "prices", prices)
        object.__setattr__(self, "discounts", discounts)
        object.__setattr__(self, "network", network.succeeding(self.network))
        for contradiction in checks.overlapping(prices, discounts, self.rates):
            raise contradiction

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """A price book from a YAML or CSV file; NotFound or ConfigError with the key and the remedy."""
        return cls.of(file.read(path))

    @classmethod
    def bundled(cls) -> Self:
        """List prices of common GPUs on three clouds, as known at the snapshot's date."""
        return cls.of(bundled())

    @classmethod
    def of(cls, content: Content) -> Self:
        for problem in content.problems:
            raise problem
        return cls(content.version, content.prices, content.discounts, content.rates, content.network)

    @property
    def currencies(self) -> tuple[str, ...]:
        """What it can price in, the currency of most of its rows first."""
        stated = Counter(price.currency for price in self.prices)
        return tuple(dict.fromkeys((*(c for c, _ in stated.most_common()), *(r.quote for r in self.rates))))

    @classmethod
    def flat(cls, gpu_hour: Decimal, currency: str) -> Self:
        """One price for every GPU-hour."""
        price = Price("--gpu-hour-price", (), gpu_hour, currency, source="stated by the user")
        return cls(f"{gpu_hour:f} {currency} a GPU-hour", (price,))

    def boundaries(self, start: datetime, end: datetime) -> list[datetime]:
        """Instants inside (start, end) at which some price, discount or rate changes."""
        rows: tuple[Price | Discount, ...] = (*self.prices, *self.discounts)
        edges = {t for row in rows for t in (row.valid_from, row.valid_to)}
        edges |= {rate.valid_from for rate in self.rates}
        return sorted(t for t in edges if t is not None and start < t < end)

    def spans(self, profile: Profile, start: datetime, end: datetime, currency: str) -> list[Span]:
        """The device's price over [start, end) in pieces; ConfigError where two rows match equally well."""
        edges = self._edges(start, end)
        asked = self._asked(profile, currency)
        return [_span(a, b, choice.at(asked, a)) for a, b in pairwise(edges)]

    def commitments(self, start: datetime, end: datetime, currency: str) -> list[Commitment]:
        """What was bought by number, in the pieces of `spans`; ConfigError without a rate."""
        return list(commitments.spans(self.prices, self.rates, self._edges(start, end), currency))

    def _edges(self, start: datetime, end: datetime) -> list[datetime]:
        return [start, *self.boundaries(start, end), end]

    def quote(self, profile: Profile, time: datetime, currency: str) -> Quote | str:
        """What a GPU-hour of the device costs then and how that comes about, or why it has no price.

        It is the price beyond what was bought by number.
        """
        return choice.at(self._asked(profile, currency), time)

    def _asked(self, profile: Profile, currency: str) -> Asked:
        return choice.asked(profile, currency, self.prices, self.discounts, self.rates)


def bundled() -> Content:
    folder = files("pipeline.prices")
    return file.read_text((folder / BUNDLED).read_text(encoding="utf-8"), Path(str(folder)))


def followed(
    prices: tuple[Price, ...], discounts: tuple[Discount, ...]
) -> tuple[tuple[Price, ...], tuple[Discount, ...]]:
    """The rows, those without an end closed where the next of the same match begins."""
    return (
        succession(prices, Price.identity, lambda row, end: replace(row, valid_to=end)),
        succession(discounts, lambda d: same(d.match), lambda row, end: replace(row, valid_to=end)),
    )


def _span(start: datetime, end: datetime, found: Quote | str) -> Span:
    if isinstance(found, str):
        return Span(start, end, None, found)
    return Span(start, end, found.price)
