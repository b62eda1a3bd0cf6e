"""A rehearsal as an answer: each action it would have taken, whether it was right, and the money at stake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from pipeline.act.ladder_rehearsal import WouldStep
from pipeline.act.ladder_rehearsal import precision as ladder_precision
from pipeline.act.rehearsal import Rehearsal, WouldAct, precision
from pipeline.act.stakes import per_day
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.cost import extent
from pipeline.answers.version_cost import of_version
from pipeline.answers.window import Window
from pipeline.errors import NotFound
from pipeline.prices.book import PriceBook
from pipeline.store import Store

COLUMNS = (
    Column("time", kind="time"),
    Column("rule"),
    Column("workload"),
    Column("model", wide=True),
    Column("model_version"),
    Column("to_version"),
    Column("verdict"),
    Column("served_until", kind="time"),
    Column("cost_per_day", kind="money"),
    Column("cost_after", kind="money"),
    Column("currency", wide=True),
)
COST_PER_DAY = (
    "cost_per_day is what the version to be left, of a step its namespace, costs a day at its rate of the 24 "
    "hours before; '-' is unknown"
)
COST_AFTER = "cost_after is what the version left cost from the action until its last traffic; '-' is unknown"
STEP_COST = "of a step, cost_after is what its budget spent from then to the end of its period"
NO_TICKS = "no verdicts were recorded in this window; run `driftledger judge` over it first"


def would_act(
    store: Store,
    found: Rehearsal,
    window: Window,
    prices: PriceBook,
    currency: str,
    steps: Sequence[WouldStep] = (),
    so_far: Sequence[str] = (),
) -> Answer:
    """Money is of GPU-hours, by the price book; `so_far` is said of how often the policy was right before."""
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            a.time, a.action.rule, a.action.target.workload, a.action.model, a.action.model_version,
            a.action.to_version, a.verdict, a.served_until, *_money(store, a, prices, currency), currency,
        )
        for a in found.acts
    )  # fmt: skip
    rows += tuple(
        (
            s.time, s.ladder.name, f"{s.step} {s.namespace}", None, None, None, s.verdict, None,
            s.cost_per_day, s.cost_after, s.standing.currency,
        )
        for s in steps
    )  # fmt: skip
    now = f"now: {len(found.acts)} actions, {len(steps)} steps of ladders"
    notes = (now, *so_far) if so_far else told(found, steps)
    notes += tuple(
        f"{h.rule}: held back at {h.ticks} ticks by {h.gate}, at last since {h.detail}" for h in found.held
    )
    notes += (COST_PER_DAY,) if rows or found.ticks else ()
    notes += (COST_AFTER,) if found.ticks else ()
    notes += (STEP_COST,) if steps else ()
    as_of: datetime | None = max((a.time for a in found.acts), default=None)
    return Answer(COLUMNS, rows, as_of, None, notes, window=window)


def told(found: Rehearsal, steps: Sequence[WouldStep] = ()) -> tuple[str, ...]:
    """How often it was right."""
    share = precision(found.acts)
    right = "unknown" if share is None else f"{share:.0%}, an unclear one counts as not right"
    ticks = f"{found.ticks} ticks, {len(found.acts)} actions, precision {right}" if found.ticks else NO_TICKS
    part = ladder_precision(steps)
    ran_out = f"{len(steps)} steps of ladders, of {part or 0:.0%} the budget ran out after all"
    return (ticks, ran_out) if steps else (ticks,)


def _money(
    store: Store, act: WouldAct, prices: PriceBook, currency: str
) -> tuple[Decimal | None, Decimal | None]:
    """What the version that would be left costs a day, and what it cost until its last traffic."""
    left = act.action.model, act.action.model_version

    def cost(start: datetime, end: datetime) -> Decimal | None:
        return of_version(store, *left, start, end, prices, currency)

    try:
        until = extent(store).end
    except NotFound:
        return None, None
    after = Decimal(0) if act.served_until <= act.time else cost(act.time, act.served_until)
    return per_day(cost, act.time, act.served_from, until), after
