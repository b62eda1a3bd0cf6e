"""A rehearsal as an answer: each action it would have taken, whether it was right, and the money at stake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from pipeline.act.ladder_rehearsal import WouldStep
from pipeline.act.ladder_rehearsal import precision as ladder_precision
from pipeline.act.rehearsal import Rehearsal, WouldAct, precision
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.version_cost import of_version
from pipeline.answers.window import Window
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
    Column("cost_after", kind="money"),
    Column("currency", wide=True),
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
) -> Answer:
    """Money is of the model version's GPU-hours, by the price book."""
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            a.time, a.action.rule, a.action.target.workload, a.action.model, a.action.model_version,
            a.action.to_version, a.verdict, a.served_until, _cost(store, a, prices, currency), currency,
        )
        for a in found.acts
    )  # fmt: skip
    rows += tuple(
        (
            s.time, s.ladder.name, f"{s.step} {s.namespace}", None, None, None, s.verdict, None,
            s.cost_after, s.standing.currency,
        )
        for s in steps
    )  # fmt: skip
    share = precision(found.acts)
    told = "unknown" if share is None else f"{share:.0%}, an unclear one counts as not right"
    words = f"{found.ticks} ticks, {len(found.acts)} actions, precision {told}"
    notes: tuple[str, ...] = (words, COST_AFTER) if found.ticks else (NO_TICKS,)
    if steps:
        part = ladder_precision(steps)
        notes += (
            f"{len(steps)} steps of ladders, of {part or 0:.0%} the budget ran out after all",
            STEP_COST,
        )
    as_of: datetime | None = max((a.time for a in found.acts), default=None)
    return Answer(COLUMNS, rows, as_of, None, notes, window=window)


def _cost(store: Store, act: WouldAct, prices: PriceBook, currency: str) -> Decimal | None:
    if act.served_until <= act.time:
        return Decimal(0)
    left = (act.action.model, act.action.model_version)
    return of_version(store, *left, act.time, act.served_until, prices, currency)
