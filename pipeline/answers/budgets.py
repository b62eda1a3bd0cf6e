"""How far each budget is spent, where it will be at its period's end, and when it is used up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from pipeline.answers import cost as costs
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.cost_table import UNPRICED
from pipeline.answers.forecast import COVERAGE, LEAST_DAYS, Paths, forecast
from pipeline.answers.money import to_cents
from pipeline.answers.window import DAY, Window
from pipeline.budgets import Budget
from pipeline.errors import NotFound
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.settings.cost import CostRule
from pipeline.store import Store

HISTORY_DAYS = 56
"""Whole days before today that a forecast is made from."""
OK, AT_RISK, EXCEEDED, NO_DATA = "ok", "at_risk", "exceeded", "no_data"

COLUMNS = (
    Column("budget"), Column("state"), Column("start", kind="time", wide=True),
    Column("end", kind="time"), Column("amount", kind="money"), Column("spent", kind="money"),
    Column("share", kind="ratio"), Column("threshold", "%", "decimal", wide=True),
    Column("forecast", kind="money"), Column("forecast_low", kind="money"),
    Column("forecast_high", kind="money"), Column("exhausted", kind="time"),
    Column("exhausted_earliest", kind="time", wide=True), Column("exhausted_latest", kind="time", wide=True),
    Column("method", wide=True), Column("history_days", "days", "integer", wide=True), Column("currency"),
    *(Column(name, "hours", "decimal", wide=True) for name in UNPRICED),
)  # fmt: skip
INTERVAL = f"forecast_low and _high hold the end of {COVERAGE:.0%} of periods whose level does not change"
SHORT = "{names}: fewer than {days} whole days of cost, too few for a forecast"
PARTLY = "{names}: the ledger begins within the period, so what was spent before is not in it"

Days = Mapping[date, Decimal | None]
Hours = tuple[Decimal, ...]
"""By UNPRICED."""
_PRICED: Hours = (Decimal(0),) * len(UNPRICED)


def budgets(
    store: Store,
    plans: Sequence[Budget],
    now: datetime,
    seed: int,
    prices: PriceBook | None = None,
    rule: CostRule = CostRule(),  # noqa: B008  frozen
    owners: Ownership = Ownership(),  # noqa: B008  frozen
) -> Answer:
    """One row a budget that holds at `now` (UTC without a zone), in the order of `plans`.

    Costs are those of the cost answer under the same rule.  Of lines without a priced cost in the period or
    the weeks before, the state is no_data and spent unknown; unpriced hours are in no sum and are shown.
    The answer's completeness is that of the period's GPU-hours, of all its budgets.
    """
    held = [b for b in plans if b.valid_from <= now.date() < b.valid_to]
    with store.steady():
        try:
            known = costs.extent(store)
        except NotFound:
            known = None
        rows, notes, as_of = [], [INTERVAL], None
        minute = now.replace(second=0, microsecond=0)  # the newest minute of facts can still be under way
        short, partly = [], []
        hours = seen = Decimal(0)
        for plan in held:
            start, end = plan.span(now.date())
            if known is None or known.start >= min(known.end, minute):
                rows.append(_row(plan, {}, _PRICED, None, now.date()))
                continue
            as_of = min(known.end, minute)
            lines = _lines(store, plan, Window(_first(known, start, as_of), as_of), prices, rule, owners)
            daily, unpriced = _daily(lines)
            # Of lines that are known, and cost nothing since the period began, 0 is spent.
            if as_of.date() >= start and not any(unpriced) and any(a is not None for a in daily.values()):
                daily = {start: Decimal(0), **daily}
            inside = [line for line in lines if line["day"].date() >= start]
            hours += sum((_hours(line) for line in inside), Decimal(0))
            seen += sum((_hours(line) * (line["completeness"] or 0) for line in inside), Decimal(0))
            history = _history(daily, as_of, known)
            left = (datetime.combine(end, time.min) - as_of) / DAY
            paths = None
            if left > 0:
                whole = -int(-left // 1)
                paths = forecast(history, as_of.date(), whole, seed, 1 - (as_of - _midnight(as_of)) / DAY)
            rows.append(_row(plan, daily, unpriced, paths, now.date(), len(history)))
            short += [plan.name] if len(history) < LEAST_DAYS else []
            partly += [plan.name] if known.start > datetime.combine(start, time.min) else []
    notes += [SHORT.format(names=", ".join(short), days=LEAST_DAYS)] if short else []
    notes += [PARTLY.format(names=", ".join(partly))] if partly else []
    complete = (seen / hours).quantize(Decimal("0.0001"), ROUND_FLOOR) if hours else None
    return Answer(COLUMNS, tuple(rows), as_of, complete, tuple(notes))


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.date(), time.min)


def _first(known: Window, start: date, as_of: datetime) -> datetime:
    wanted = min(datetime.combine(start, time.min), _midnight(as_of) - HISTORY_DAYS * DAY)
    return max(known.from_whole_hour().start, wanted)


def _lines(
    store: Store, plan: Budget, window: Window, prices: PriceBook | None, rule: CostRule, owners: Ownership
) -> list[dict[str, Any]]:
    """The cost answer's lines by day that the budget is about."""
    by = (*(dimension for dimension, _ in plan.match), "day")
    answer = costs.cost(store, window, by, prices, plan.currency, rule, owners)
    return [line for line in answer.named() if plan.covers(line)]


def _daily(lines: Sequence[dict[str, Any]]) -> tuple[Days, Hours]:
    """Cost of each day that the lines have one, and the hours among them without a price."""
    found: dict[date, Decimal | None] = defaultdict(lambda: None)
    for line in lines:
        if line["total_cost"] is not None:
            found[line["day"].date()] = (found[line["day"].date()] or Decimal(0)) + line["total_cost"]
    return dict(found), tuple(sum((line[n] or Decimal(0) for line in lines), Decimal(0)) for n in UNPRICED)


def _hours(line: Mapping[str, Any]) -> Decimal:
    """GPU-hours of it, held or not."""
    return Decimal(line["allocated_gpu_hours"] + line["unallocated_gpu_hours"])


def _history(daily: Days, as_of: datetime, known: Window) -> list[float]:
    """Costs of the whole days before `as_of`, from the first with a cost on; a day without one cost 0."""
    last = as_of.date()
    costly = [day for day, amount in daily.items() if amount]
    first = max(min(costly, default=last), last - timedelta(days=HISTORY_DAYS))
    if first == known.start.date() and known.start != _midnight(known.start):
        first += timedelta(days=1)
    days = (last - first).days
    return [float(daily.get(first + timedelta(days=i)) or 0) for i in range(days)]


def _row(
    plan: Budget, daily: Days, unpriced: Hours, paths: Paths | None, day: date, history: int = 0
) -> tuple[Value, ...]:
    start, end = plan.span(day)
    inside = {d: amount for d, amount in daily.items() if d >= start and amount is not None}
    spent = sum(inside.values(), Decimal(0)) if inside else None
    ends: list[Decimal | None] = [None] * 3
    used_up: tuple[date | None, ...] = (None,) * 3
    if spent is not None and paths is not None:
        ends = [spent + to_cents(Decimal(value)) for value in paths.end()]
        used_up = paths.exhausted(float(plan.amount - spent))
    if spent is not None and spent > plan.amount:
        used_up = (_passed(inside, plan.amount),) * 3
    share = None if spent is None else spent / plan.amount
    reached = [t for t in plan.thresholds if share is not None and share * 100 >= t]
    return (
        plan.name, _state(plan.amount, spent, ends[0]), *map(_time, (start, end)), plan.amount, spent,
        share, max(reached, default=None), *ends, *map(_time, used_up),
        paths.method if paths else None, history, plan.currency, *unpriced,
    )  # fmt: skip


def _state(amount: Decimal, spent: Decimal | None, expected: Decimal | None) -> str:
    if spent is None:
        return NO_DATA
    if spent > amount:
        return EXCEEDED
    return AT_RISK if expected is not None and expected > amount else OK


def _passed(inside: Mapping[date, Decimal], amount: Decimal) -> date | None:
    """The day with which the costs passed the amount."""
    total = Decimal(0)
    for day in sorted(inside):
        total += inside[day]
        if total > amount:
            return day
    return None


def _time(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min)
