"""What a GiB costs that leaves a workload for another zone, another region or the internet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from pipeline.errors import ConfigError
from pipeline.prices import fields
from pipeline.prices.amounts import number
from pipeline.prices.exact import times
from pipeline.prices.match import Match, holds_at, rank, same, succession
from pipeline.prices.price import Profile
from pipeline.prices.rates import Rate, rate_at
from pipeline.sections import Section

PRICED = ("same_zone", "cross_zone", "cross_region", "internet")
_MATCHED = ("cluster", "provider", "region")


@dataclass(frozen=True, slots=True)
class NetworkPrice:
    """One row: a GiB that is sent, of one class, from the clusters that match."""

    name: str
    kind: str
    """One of PRICED."""
    match: Match
    gib: Decimal
    currency: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    source: str = ""

    def identity(self) -> tuple[str, Match, str]:
        return self.kind, same(self.match), self.currency


def read(row: Section, usual_currency: str, source: str) -> NetworkPrice:
    match, (start, end) = fields.match(row), fields.validity(row)
    for field, value in match:
        if field not in _MATCHED:
            raise ConfigError(row.key(f"match.{field}"), value, f"match {', '.join(_MATCHED)}")
    kind = row.text("class")
    if kind not in PRICED:
        raise ConfigError(row.key("class"), kind, f"write one of {', '.join(PRICED)}")
    for edge, time in (("valid_from", start), ("valid_to", end)):
        if time is not None and time.minute:
            raise ConfigError(row.key(edge), f"{time}", "prices of the network change on whole hours")
    currency = fields.currency(row, "currency", usual_currency)
    return NetworkPrice(
        row.key("").rstrip("."),
        kind,
        match,
        number(row, "gib"),
        currency,
        start,
        end,
        row.text("source", source),
    )


def succeeding(rows: tuple[NetworkPrice, ...]) -> tuple[NetworkPrice, ...]:
    """The rows, those without an end closed where the next for the same traffic begins."""
    return succession(rows, NetworkPrice.identity, lambda row, end: replace(row, valid_to=end))


def gib_price(
    prices: Sequence[NetworkPrice],
    rates: Sequence[Rate],
    profile: Profile,
    kind: str,
    at: datetime,
    currency: str,
) -> Decimal | None:
    """Of the rows that hold then the one that matches most fields, in the currency; None where there is none.

    Traffic within a zone is free unless a row says otherwise.  ConfigError where two rows match equally well.
    """
    ranked = [(rank(p.match, profile), p) for p in prices if p.kind == kind and holds_at(p, at)]
    found = [(best, p) for best, p in ranked if best is not None]
    best = max((r for r, _ in found), default=None)
    priced = [(p, _rate(p, rates, currency, at)) for r, p in found if r == best]
    known = [(p, rate) for p, rate in priced if rate is not None]
    if len(known) > 1:
        names = " and ".join(p.name for p, _ in known)
        raise ConfigError(
            names, kind, "both hold for the same traffic; end one of them, or make one more specific"
        )
    if known:
        price, rate = known[0]
        return times(price.gib, rate)
    return Decimal(0) if kind == "same_zone" and not found else None


def _rate(price: NetworkPrice, rates: Sequence[Rate], currency: str, at: datetime) -> Decimal | None:
    if price.currency == currency:
        return Decimal(1)
    rate = rate_at(rates, price.currency, currency, at)
    return None if rate is None else rate.rate
