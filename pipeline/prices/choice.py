"""Of all rows the one that prices a device at an instant: the most specific match, never the nearest miss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from pipeline.errors import ConfigError
from pipeline.prices.discount import Discount
from pipeline.prices.match import WINDOWS, Rank, holds_at, rank
from pipeline.prices.match import prices as can_price
from pipeline.prices.price import Price, Profile
from pipeline.prices.quote import Quote
from pipeline.prices.rates import Rate, rate_at

D = TypeVar("D", Price, Discount)


class Asked(NamedTuple):
    """The rows that match one profile at any time, each with its rank; none of those for a number of GPUs."""

    profile: Profile
    currency: str
    prices: Sequence[tuple[Rank, Price]]
    discounts: Sequence[tuple[Rank, Discount]]
    rates: Sequence[Rate]


def asked(
    profile: Profile,
    currency: str,
    prices: Iterable[Price],
    discounts: Iterable[Discount],
    rates: Sequence[Rate],
) -> Asked:
    own = (row for row in prices if not row.bought_gpus and can_price(row.match, profile))
    return Asked(profile, currency, _matching(own, profile), _matching(discounts, profile), rates)


def at(asked: Asked, time: datetime) -> Quote | str:
    """The quote that holds, or why there is none; ConfigError where two rows match equally well."""
    best = _best(asked.prices, time)
    if not best:
        return _why(asked)
    here = [p for p in best if p.currency == asked.currency]
    rates = {p.name: rate_at(asked.rates, p.currency, asked.currency, time) for p in best}
    found = _only(here or [p for p in best if rates[p.name] is not None], asked.profile)
    if found is None:
        return _no_rate(best, asked.currency, time)
    discounts = [] if found.kind == "on-premises" else _best(asked.discounts, time)
    return Quote(found, _only(discounts, asked.profile), None if here else rates[found.name])


def _matching(rows: Iterable[D], profile: Profile) -> list[tuple[Rank, D]]:
    return [(found, row) for row in rows if (found := rank(row.match, profile)) is not None]


def _best(rows: Sequence[tuple[Rank, D]], time: datetime) -> list[D]:
    current = [(found, row) for found, row in rows if holds_at(row, time)]
    top = max((found for found, _ in current), default=None)
    return [row for found, row in current if found == top]


def _only(rows: Sequence[D], profile: Profile) -> D | None:
    if len(rows) > 1:
        raise ConfigError(
            f"{rows[0].name} and {rows[1].name}",
            f"{dict(rows[0].match)} and {dict(rows[1].match)}",
            f"both match {profile} equally well; give one of them one more field",
        )
    return rows[0] if rows else None


def _no_rate(rows: Sequence[Price], currency: str, time: datetime) -> str:
    others = sorted({p.currency for p in rows})
    return (
        f"{rows[0].name} prices it in {', '.join(others)}, not in {currency}; "
        f"add a rate from {others[0]} to {currency} that holds on {time:%Y-%m-%d}, or ask with --currency"
    )


def _why(asked: Asked) -> str:
    if asked.prices:
        return f"{asked.prices[0][1].name} matches but does not hold then; add a row for that time"
    if asked.profile.os.lower() == WINDOWS:
        return "no row of the price book that matches is of Windows; add one with os: windows in its match"
    if asked.profile.resource:
        return (
            f"no row of the price book matches; add one with resource: {asked.profile.resource} in its match"
        )
    if asked.profile == Profile(asked.profile.cluster):
        return (
            "nothing is known of its devices; collect allocation, which tells them, or take in their "
            "ResourceSlices or device events, or state a price with --gpu-hour-price"
        )
    return "no row of the price book matches; add one, or state a price with --gpu-hour-price"
