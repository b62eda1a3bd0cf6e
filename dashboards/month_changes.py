"""What a month charges each team, how that differs from the month before, and the workloads that moved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

import pandas as pd

from pipeline.months.charge import BY, KINDS, USAGE, Charge
from reports.words import KINDS as WORDS
from reports.words import who

ZERO = Decimal(0)
MOST = 15
"""Workloads that are shown, those that moved most."""
ROUNDING = Decimal("0.01")
"""What a rounding to cents can make of nothing."""
Key = tuple[str, str, str]
"""Team, workload, currency."""


def teams(now: Sequence[Charge], before: Sequence[Charge]) -> pd.DataFrame:
    """What each team has, charged or only shown, by kind and currency, and how that differs from before."""
    sums: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for one in now:
        sums[one.team, one.currency][one.kind] += one.amount or ZERO
    last: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for one in before:
        last[one.team, one.currency] += one.amount or ZERO
    rows = []
    for team, code in sorted({*sums, *last}):
        parts = sums.get((team, code), {})
        whole = sum(parts.values(), ZERO)
        changed = float(whole - last.get((team, code), ZERO)) if before else None
        rows.append(
            (who(team), float(whole), changed, *(float(parts.get(kind, ZERO)) for kind in KINDS), code)
        )
    heads = ["Team", "in all", "than last month", *(WORDS.get(kind, kind) for kind in KINDS), "currency"]
    return pd.DataFrame(rows, columns=heads)


def workloads(now: Sequence[Charge], before: Sequence[Charge]) -> pd.DataFrame:
    """The usage that moved most, and whether by GPU-hours or by what one cost."""
    new, old = _usage(now), _usage(before)
    moved = []
    for key in {*new, *old}:
        (hours, amount), (was_hours, was) = new.get(key, (ZERO, ZERO)), old.get(key, (ZERO, ZERO))
        change = amount - was
        by_hours = (hours - was_hours) * was / was_hours if was_hours else change
        # What is before was rounded too, and is scaled with the hours.
        if abs(change - by_hours) <= ROUNDING * (1 + (hours / was_hours if was_hours else 0)):
            by_hours = change
        if change:
            moved.append((key, change, by_hours, change - by_hours, amount, was, hours, was_hours))
    moved.sort(key=lambda row: (-abs(row[1]), row[0]))
    numbers = ["change", "by hours", "by price", "now", "before", "hours now", "hours before"]
    shown = [
        (who(team), name, *(round(float(value), 2) for value in values), code)
        for (team, name, code), *values in moved[:MOST]
    ]
    return pd.DataFrame(shown, columns=["Team", "Workload", *numbers, "currency"])


def _usage(charges: Sequence[Charge]) -> dict[Key, tuple[Decimal, Decimal]]:
    """GPU-hours and amount of each workload of a team, in a currency."""
    sums: dict[Key, tuple[Decimal, Decimal]] = {}
    for c in charges:
        if c.kind == USAGE:
            key = dict(zip(BY, c.key, strict=True))
            name = " ".join(
                part for part in (key["namespace"], key["workload"]) if part not in ("none", c.team)
            )
            hours, amount = sums.get((c.team, name, c.currency), (ZERO, ZERO))
            held = c.hours[0] + c.hours[4]
            sums[c.team, name, c.currency] = (hours + held, amount + (c.amount or ZERO))
    return sums
