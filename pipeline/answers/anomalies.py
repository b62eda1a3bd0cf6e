"""Days and hours whose cost is unlike those before, and what drives each: price, volume, mix or idle time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from pipeline.answers import cost as costs
from pipeline.answers import dimensions
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.baseline import LEAST, Unlike, unlike
from pipeline.answers.cost_drivers import IDLE, Cell, Line, Lines, drivers
from pipeline.answers.cost_table import NOBODYS
from pipeline.answers.window import DAY, Window
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.settings.cost import CostRule
from pipeline.store import Store

DIMENSIONS = ("team", "cost_centre", "environment", "namespace", "workload", "model", "cluster", "gpu_model")
CELL = ("team", "gpu_model")
"""What mix is a mix of."""
LOOK_BACK = 8 * 7 * DAY
STEPS = {"day": DAY, "hour": timedelta(hours=1)}
WEEK = 7 * DAY
SHORT = (
    "before {first:%Y-%m-%dT%H:%MZ} there are fewer than {least} weeks to compare with: nothing is said of it"
)
MEANING = "score is in robust standard deviations from the baseline, the middle one of the weeks before"

Key = tuple[str, ...]


def anomalies(
    store: Store,
    window: Window,
    by: Sequence[str] = (),
    step: str = "day",
    prices: PriceBook | None = None,
    currency: str = "USD",
    rule: CostRule = CostRule(),  # noqa: B008  frozen
    owners: Ownership = Ownership(),  # noqa: B008  frozen
) -> Answer:
    """One row an anomaly of a whole day (or hour) in the window, newest first, the dearest of a time first.

    Without `by` it is the whole ledger's cost, else each line's.  Costs without a price are in no sum.
    Raises ConfigError for an unknown dimension, NotFound without any GPU fact.
    """
    dimensions.check(by, DIMENSIONS)
    with store.steady():
        known = costs.extent(store)
        first, last = (
            _whole(max(known.start, max(known.start, window.start) - LOOK_BACK), step, up=True),
            _whole(known.end, step),
        )
        span = Window(first, max(min(last, window.end), first))
        if span.start == span.end:
            return Answer(_columns(by, currency), (), known.end, None, (_short(first),), window=window)
        answer = costs.cost(store, span, (*dict.fromkeys((*by, *CELL)), step), prices, currency, rule, owners)
    count = (span.end - span.start) // STEPS[step]
    series = _series(answer, by, step, span, count)
    found = []
    for key, lines in series.items():
        totals = [_total(one) for one in lines]
        for one in unlike([float(t) for t in totals], WEEK // STEPS[step], LOOK_BACK // STEPS[step]):
            at = span.start + one.index * STEPS[step]
            if at >= window.start:
                found.append(_row(key, at, span.start + one.like * STEPS[step], one, lines, totals, currency))
    found.sort(key=lambda row: (row[0], abs(Decimal(str(row[len(by) + 4])))), reverse=True)
    told = span.start + LEAST * WEEK
    notes = (MEANING, *((_short(told),) if told > window.start else ()), *answer.notes)
    return Answer(
        _columns(by, currency), tuple(found), answer.as_of, answer.completeness, notes, window=window
    )


def _columns(by: Sequence[str], currency: str) -> tuple[Column, ...]:
    def money(*names: str, wide: bool = False) -> tuple[Column, ...]:
        return tuple(Column(name, currency, "money", wide) for name in names)

    return (
        Column("time", kind="time"), *(Column(d) for d in by), *money("cost", "baseline"),
        Column("baseline_time", kind="time", wide=True), *money("difference"), Column("score", kind="number"),
        Column("driver"), Column("where"), *money("price", "volume", "mix", "idle"),
        Column("currency", wide=True),
    )  # fmt: skip


def _row(
    key: Key, at: datetime, like: datetime, one: Unlike, lines: Sequence[Lines], totals: Sequence[Decimal],
    currency: str,
) -> tuple[Value, ...]:  # fmt: skip
    why = drivers(lines[one.like], lines[one.index])
    where = why.culprit[1] if why.largest == IDLE and why.culprit else " on ".join(why.culprit)
    now, before = totals[one.index], totals[one.like]
    parts = (why.price, why.volume, why.mix, why.idle)
    return (at, *key, now, before, like, now - before, one.score, why.largest, where, *parts, currency)


def _series(answer: Answer, by: Sequence[str], step: str, span: Window, count: int) -> dict[Key, list[Lines]]:
    """The lines of each step, in order, by the dimensions of `by`; a step without a line is empty."""
    found: dict[Key, list[dict[Cell, Line]]] = defaultdict(lambda: [{} for _ in range(count)])
    for row in answer.named():
        if row["total_cost"] is None:
            continue
        cells = found[tuple(row[d] for d in by)][(row[step] - span.start) // STEPS[step]]
        cell = tuple(row[d] for d in CELL)
        idle = sum((row[f"{bucket}_cost"] or Decimal(0) for bucket in NOBODYS), Decimal(0))
        old = cells.get(cell, Line())
        cells[cell] = Line(
            old.hours + row["allocated_gpu_hours"],
            old.held + row["total_cost"] - idle,
            old.idle + idle,
            old.idle_hours + row["unallocated_gpu_hours"],
        )
    return {key: list(lines) for key, lines in found.items()}


def _total(lines: Lines) -> Decimal:
    return sum((line.held + line.idle for line in lines.values()), Decimal(0))


def _whole(time: datetime, step: str, *, up: bool = False) -> datetime:
    """The beginning of its day or hour; with `up` the first that is not before it."""
    start = time.replace(minute=0, second=0, microsecond=0)
    start = start.replace(hour=0) if step == "day" else start
    return start + STEPS[step] if up and start < time else start


def _short(first: datetime) -> str:
    return SHORT.format(first=first, least=LEAST)
