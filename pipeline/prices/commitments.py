"""Commitments to a number of GPUs: so many are paid for, used or not; what runs beyond them is not theirs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from pipeline.errors import ConfigError
from pipeline.prices.exact import times, to_nano
from pipeline.prices.match import Match, rank, same
from pipeline.prices.match import prices as can_price
from pipeline.prices.price import Price, Profile
from pipeline.prices.rates import Rate, rate_at


@dataclass(frozen=True, slots=True)
class Commitment:
    """All that is bought of one match in [start, end): `nano_per_hour` is paid for all `gpus` together."""

    name: str
    match: Match
    gpus: int
    nano_per_hour: int
    start: datetime
    end: datetime


def spans(
    prices: Iterable[Price], rates: Sequence[Rate], edges: Sequence[datetime], currency: str
) -> Iterator[Commitment]:
    """The commitments between neighbours of `edges`, which are all instants at which a price or rate changes.

    What was bought of one match by several rows is one commitment.  Raises ConfigError where a row is in
    another currency without a rate.
    """
    bought = [price for price in prices if price.bought_gpus]
    for start, end in pairwise(edges):
        alike: dict[Match, list[Price]] = defaultdict(list)
        for price in bought:
            if price.holds_at(start):
                alike[same(price.match)].append(price)
        for rows in alike.values():
            gpus = sum(row.bought_gpus for row in rows)
            nano = sum(row.bought_gpus * _nano(row, rates, start, currency) for row in rows)
            yield Commitment(" and ".join(row.name for row in rows), rows[0].match, gpus, nano, start, end)


def of(commitments: Iterable[Commitment], profile: Profile) -> Commitment | None:
    """The one that covers the device, the most specific; ConfigError where two match equally well."""
    if profile.resource:
        return None
    own = [one for one in commitments if can_price(one.match, profile)]
    ranked = [(found, one) for one in own if (found := rank(one.match, profile)) is not None]
    top = max((found for found, _ in ranked), default=None)
    best = [one for found, one in ranked if found == top]
    if len(best) > 1:
        remedy = f"both cover {profile} equally well; give one of them one more field"
        raise ConfigError(f"{best[0].name} and {best[1].name}", f"{dict(best[0].match)}", remedy)
    return best[0] if best else None


def _nano(row: Price, rates: Sequence[Rate], time: datetime, currency: str) -> int:
    if row.currency == currency:
        return row.nano_per_hour
    rate = rate_at(rates, row.currency, currency, time)
    if rate is None:
        remedy = f"add a rate from {row.currency} to {currency} that holds on {time:%Y-%m-%d}"
        raise ConfigError(row.name, row.currency, f"it is paid, used or not: {remedy}")
    return to_nano(times(row.gpu_hour, rate.rate))
