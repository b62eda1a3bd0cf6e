"""Sums of one cost answer by hour and team: the parts that the overview shows, which add up to its total."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from pipeline.answers.answer import Answer, Value
from pipeline.answers.cost_table import NOBODYS

HOUR = timedelta(hours=1)
WASTED = ("workload_idle_cost", *(f"{bucket}_cost" for bucket in NOBODYS))
"""What is paid and not used."""


class Waste(NamedTuple):
    """GPU-hours of a window by what they did; together all hours that the devices existed."""

    active: Decimal
    idle_held: Decimal
    unmeasured: Decimal
    """Held, with no sample that says whether it worked."""
    unallocated: Decimal


class Rate(NamedTuple):
    """Money an hour in [time, end)."""

    time: datetime
    end: datetime
    per_hour: float


def grouped(answer: Answer, by: str) -> Answer:
    """The answer summed over all its other dimensions, the most expensive first; None is unknown."""
    names = [c.name for c in answer.columns]
    summed = [i for i, c in enumerate(answer.columns) if c.kind in ("money", "decimal")]
    groups: dict[Value, list[tuple[Value, ...]]] = {}
    for row in answer.rows:
        groups.setdefault(row[names.index(by)], []).append(row)
    columns = (answer.columns[names.index(by)], *(answer.columns[i] for i in summed))
    rows = [(key, *(_sum(row[i] for row in of) for i in summed)) for key, of in groups.items()]
    cost_at = [c.name for c in columns].index("total_cost")
    rows.sort(key=lambda row: (-Decimal(str(row[cost_at] or 0)), str(row[0])))
    return Answer(columns, tuple(rows), answer.as_of, answer.completeness, window=answer.window)


def total(answer: Answer, name: str) -> Decimal | None:
    """One number of the answer's own total."""
    if answer.total is None:
        return None
    value = answer.total[[c.name for c in answer.columns].index(name)]
    return value if isinstance(value, Decimal) else None


def waste(answer: Answer) -> Waste:
    """What the hours of the window did."""
    held, active, idle = (
        total(answer, f"{n}_gpu_hours") or Decimal(0) for n in ("allocated", "active", "idle_held")
    )
    unmeasured = max(held - active - idle, Decimal(0))
    return Waste(active, idle, unmeasured, total(answer, "unallocated_gpu_hours") or Decimal(0))


def unused(answer: Answer) -> Decimal:
    """What was paid and not used, of the answer's own total."""
    return sum((total(answer, name) or Decimal(0) for name in WASTED), Decimal(0))


def rates(answer: Answer) -> list[Rate]:
    """Money an hour in each hour; of one that is cut short only the part that is there."""
    hourly = grouped(answer, "hour")
    cost_at = [c.name for c in hourly.columns].index("total_cost")
    found = []
    for row in sorted(hourly.rows, key=lambda row: str(row[0])):
        hour, cost = row[0], row[cost_at]
        if isinstance(hour, datetime) and isinstance(cost, Decimal):
            start, end = _present(answer, hour)
            found += [Rate(start, end, float(cost) / ((end - start) / HOUR))] if start < end else []
    return found


def _present(answer: Answer, hour: datetime) -> tuple[datetime, datetime]:
    """The part of the hour that lies in the window and before as-of."""
    ends = [hour + HOUR, *(t for t in (answer.window and answer.window.end, answer.as_of) if t)]
    return max(hour, answer.window.start) if answer.window else hour, min(ends)


def _sum(values: Iterable[Value]) -> Decimal | None:
    known = [v for v in values if isinstance(v, Decimal)]
    return sum(known, Decimal(0)) if known else None
