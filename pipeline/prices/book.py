"""A price book: for every device and instant the one price that holds, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from importlib.resources import files
from itertools import combinations, pairwise
from pathlib import Path
from typing import Self

from pipeline import yaml_file
from pipeline.errors import ConfigError
from pipeline.prices import reading
from pipeline.prices.price import Price, Profile

BUNDLED = "list_prices.yaml"


@dataclass(frozen=True, slots=True)
class Span:
    """A device's price in [start, end): a row of the book, or None with the reason."""

    start: datetime
    end: datetime
    price: Price | None
    reason: str = ""

    @property
    def nano_per_gpu_hour(self) -> int | None:
        return None if self.price is None else self.price.nano_per_gpu_hour


@dataclass(frozen=True, slots=True)
class PriceBook:
    """`version` is what the file calls itself, with a digest of what it holds."""

    version: str
    prices: tuple[Price, ...]

    def __post_init__(self) -> None:
        for a, b in combinations(self.prices, 2):
            if a.identity() == b.identity() and a.overlaps(b):
                raise ConfigError(
                    f"{a.name} and {b.name}",
                    dict(a.match),
                    "both match the same devices at the same time; "
                    "end the first with valid_to where the second starts with valid_from",
                )

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """A price book from a YAML file; NotFound or ConfigError with the key and the remedy."""
        return cls._parse(yaml_file.read_text(path))

    @classmethod
    def bundled(cls) -> Self:
        """List prices of common GPUs on three clouds, as known at the snapshot's date."""
        return cls._parse((files("pipeline.prices") / BUNDLED).read_text(encoding="utf-8"))

    @classmethod
    def flat(cls, gpu_hour: Decimal, currency: str) -> Self:
        """One price for every GPU-hour."""
        price = Price("--gpu-hour-price", (), gpu_hour, currency, source="stated by the user")
        return cls(f"{gpu_hour:f} {currency} a GPU-hour", (price,))

    @classmethod
    def _parse(cls, text: str) -> Self:
        version, prices = reading.parse(yaml_file.document(text, as_text=True))
        return cls(f"{version}@{sha256(text.encode()).hexdigest()[:8]}", prices)

    def boundaries(self, start: datetime, end: datetime) -> list[datetime]:
        """Instants inside (start, end) at which some price changes."""
        edges = {t for p in self.prices for t in (p.valid_from, p.valid_to) if t is not None}
        return sorted(t for t in edges if start < t < end)

    def spans(self, profile: Profile, start: datetime, end: datetime, currency: str) -> list[Span]:
        """The device's price over [start, end) in pieces; ConfigError where two rows match equally well."""
        edges = [start, *self.boundaries(start, end), end]
        return [Span(a, b, *self._at(profile, a, currency)) for a, b in pairwise(edges)]

    def _at(self, profile: Profile, time: datetime, currency: str) -> tuple[Price | None, str]:
        matching = [(rank, p) for p in self.prices if (rank := p.rank(profile)) is not None]
        current = [(rank, p) for rank, p in matching if p.holds_at(time)]
        ranked = [(rank, p) for rank, p in current if p.currency == currency]
        if not ranked:
            return None, _why(profile, matching, current, currency)
        best = max(rank for rank, _ in ranked)
        winners = [p for rank, p in ranked if rank == best]
        if len(winners) > 1:
            raise ConfigError(
                f"{winners[0].name} and {winners[1].name}",
                f"{dict(winners[0].match)} and {dict(winners[1].match)}",
                f"both match {profile} equally well; give one of them one more field",
            )
        return winners[0], ""


Ranked = list[tuple[tuple[int, bool], Price]]


def _why(profile: Profile, matching: Ranked, current: Ranked, currency: str) -> str:
    if current:
        others = ", ".join(sorted({p.currency for _, p in current}))
        return f"priced in {others}, not in {currency}; ask with --currency"
    if matching:
        return f"{matching[0][1].name} matches but does not hold then; add a row for that time"
    if profile == Profile(profile.cluster):
        return (
            "nothing is known of its devices; take in their ResourceSlices or device events, "
            "or state a price with --gpu-hour-price"
        )
    return "no row of the price book matches; add one, or state a price with --gpu-hour-price"
