"""A month read for its statement: its charges, and what explains them, all of one state of the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pipeline.answers.anomalies import anomalies
from pipeline.answers.cost import cost
from pipeline.answers.served import traffic
from pipeline.answers.timeline import timeline
from pipeline.answers.unit_costs import unit_costs
from pipeline.answers.unit_price import rounded
from pipeline.answers.window import Window
from pipeline.months.charge import BY, USAGE
from pipeline.months.close import accepted
from pipeline.months.closings import closings
from pipeline.months.draft import Draft, draft
from pipeline.months.inputs import Inputs
from pipeline.months.verify import Snapshots
from pipeline.store import Store
from reports.statement import Extras, Statement, statement


def read(store: Store, at: Snapshots, month: Window, inputs: Inputs) -> Statement:
    """The month's statement: of a closed one as it was closed, of another as the ledger is now.

    Raises NotFound where the ledger holds no GPU fact of the month.
    """
    closed = next((c for c in closings(store) if c.month == month.start), None)
    if closed is None:
        with store.steady():
            return _read(store, month, inputs)
    with at(closed.snapshot) as then:
        made = _read(then, month, closed.thawed())
    return replace(
        made, hash=closed.hash, closed_at=closed.time, accepted=accepted(closed), program=closed.program
    )


def _read(store: Store, month: Window, inputs: Inputs) -> Statement:
    made = draft(store, month, inputs)
    return statement(made, extras(store, made))


def extras(store: Store, made: Draft) -> Extras:
    month, of = made.month, made.inputs
    priced = (of.prices, of.currency, of.rule, of.owners)
    units = tuple(unit_costs(store, month, (), *priced).named())
    days = tuple(cost(store, month, ("day", "team"), *priced).named())
    before = store.query("charges_by_month", before=month.start).to_pylist()
    return Extras(
        units=units,
        actions=tuple(_saved(store, month, row, units) for row in _actions(store, month)),
        anomalies=tuple(anomalies(store, month, (), "day", *priced).named()),
        budgets=tuple(_budgets(made)),
        days=tuple((r["day"], str(r["team"]), r["total_cost"]) for r in days if r["total_cost"] is not None),
        trend=tuple((r["month"], r["team"], r["currency"], r["amount"]) for r in before if r["amount"]),
        quality=tuple(timeline(store, month, 31).named()),
    )


def _actions(store: Store, month: Window) -> list[dict[str, Any]]:
    """With what came of each, in numbers: a reader asks that first."""
    outcomes = {r["action_id"]: r for r in store.rows("outcomes").to_pylist()}
    rows = store.query("actions_list", start=month.start, end=month.end).to_pylist()
    known = ((row, outcomes.get(row["action"], {})) for row in rows)
    return [
        {**row, "evidence": o.get("evidence"), "detail": o.get("detail") or row["detail"]} for row, o in known
    ]


def _saved(
    store: Store, month: Window, action: dict[str, Any], units: Iterable[dict[str, Any]]
) -> dict[str, Any]:
    """With the wrong answers that a rollback which helped kept from being given, and what they would have
    cost: the fall of the error rate times the requests since, at the cost of a request."""
    saved: dict[str, Any] = {**action, "avoided": None, "saved": None}
    if action["outcome"] != "helped" or not action["evidence"]:
        return saved
    sides = json.loads(action["evidence"])
    fall = _rate(sides["before"]) - _rate(sides["after"])
    model, version, since = action["model"], action["to_version"], _minute(action["first"])
    if since >= month.end:
        return saved
    served = [
        row["requests"]
        for row in traffic(store, Window(since, month.end))
        if (row["model"], row["model_version"]) == (model, version)
    ]
    own = [u["cost_per_1k_requests"] for u in units if (u["model"], u["model_version"]) == (model, version)]
    each = next(iter(own), None)
    saved["avoided"] = int(fall * sum(served))
    saved["saved"] = None if each is None else rounded(Fraction(each) / 1000 * fall * sum(served))
    return saved


def _rate(side: dict[str, Any]) -> Fraction:
    return Fraction(side["errors"], side["count"]) if side["count"] else Fraction(0)


def _minute(time: datetime) -> datetime:
    return time.replace(second=0, microsecond=0)


def _budgets(made: Draft) -> Iterable[dict[str, Any]]:
    """Budgets of a month in the statement's currency: planned, spent, and what is left of them."""
    day = made.month.start.date()
    for plan in made.inputs.budgets:
        if plan.period != "month" or plan.currency != made.inputs.currency:
            continue
        if not plan.valid_from <= day < plan.valid_to:
            continue
        used = [c for c in made.charges if c.kind == USAGE and plan.covers(dict(zip(BY, c.key, strict=True)))]
        spent = sum((c.amount or Decimal(0) for c in used), Decimal(0))
        yield {
            "budget": plan.name, "team": dict(plan.match).get("team", ""), "amount": plan.amount,
            "spent": spent, "left": plan.amount - spent,
        }  # fmt: skip
