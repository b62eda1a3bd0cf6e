"""A month read for its statement: its charges, and what explains them, all of one state of the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from pipeline.answers.anomalies import anomalies
from pipeline.answers.cost import cost
from pipeline.answers.timeline import timeline
from pipeline.answers.unit_costs import unit_costs
from pipeline.answers.window import Window
from pipeline.months.close import accepted
from pipeline.months.closings import closings
from pipeline.months.draft import Draft, draft
from pipeline.months.inputs import Inputs
from pipeline.months.part import began
from pipeline.months.verify import Snapshots
from pipeline.store import Store
from reports.judged import judged_since
from reports.planned import planned
from reports.saved import saved
from reports.statement import Extras, Statement, statement


def read(store: Store, at: Snapshots, month: Window, inputs: Inputs) -> Statement:
    """The month's statement: of a closed one as it was closed, of another as the ledger is now.

    Raises NotFound where the ledger holds no GPU fact of the month.
    """
    closed = next((c for c in closings(store) if c.month == month.start), None)
    if closed is None:
        with store.steady():
            return _read(store, at, month, inputs)
    with at(closed.snapshot) as then:
        made = _read(then, at, month, closed.thawed())
    return replace(
        made, hash=closed.hash, closed_at=closed.time, accepted=accepted(closed), program=closed.program
    )


def _read(store: Store, at: Snapshots, month: Window, inputs: Inputs) -> Statement:
    made = draft(store, month, inputs)
    return statement(made, extras(store, at, made))


def extras(store: Store, at: Snapshots, made: Draft) -> Extras:
    month, of = made.month, made.inputs
    priced = (of.prices, of.currency, of.rule, of.owners)
    units = tuple(unit_costs(store, month, (), *priced).named())
    days = tuple(cost(store, month, ("day", "team"), *priced).named())
    budgets, left_out = planned(store, at, made)
    before = store.query("charges_by_month", before=month.start).to_pylist()
    return Extras(
        units=units,
        actions=tuple(
            {**row, "saved": saved(store, month, row, units, of.currency)} for row in _actions(store, month)
        ),
        anomalies=tuple(
            row for by in ((), ("team",)) for row in anomalies(store, month, by, "day", *priced).named()
        ),
        budgets=tuple(budgets),
        budgets_left_out=tuple(left_out),
        completeness=_completeness(days),
        days=tuple((r["day"], str(r["team"]), r["total_cost"]) for r in days if r["total_cost"] is not None),
        trend=tuple((r["month"], r["team"], r["currency"], r["amount"]) for r in before if r["amount"]),
        judged=tuple(judged_since(store, at, month.start)),
        quality=tuple(timeline(store, month, (month.end - month.start).days).named()),
        began=began(store),
    )


def _actions(store: Store, month: Window) -> list[dict[str, Any]]:
    """With what came of each, in numbers: a reader asks that first."""
    outcomes = {r["action_id"]: r for r in store.rows("outcomes").to_pylist()}
    rows = store.query("actions_list", start=month.start, end=month.end).to_pylist()
    known = ((row, outcomes.get(row["action"], {})) for row in rows)
    return [
        {**row, "evidence": o.get("evidence"), "detail": o.get("detail") or row["detail"]} for row, o in known
    ]


def _completeness(days: Iterable[dict[str, Any]]) -> dict[str, Decimal]:
    """Which part of each team's GPU time was observed, rounded down to a hundredth of a per cent."""
    seen: dict[str, Decimal] = defaultdict(Decimal)
    whole: dict[str, Decimal] = defaultdict(Decimal)
    for row in days:
        if row["completeness"] is not None:
            hours = row["allocated_gpu_hours"] + row["unallocated_gpu_hours"]
            seen[row["team"]] += row["completeness"] * hours
            whole[row["team"]] += hours
    step = Decimal("0.0001")
    return {team: (seen[team] / of).quantize(step, ROUND_FLOOR) for team, of in whole.items() if of}
