"""The budgets that hold in a statement's month, each with what was spent of it, or why nobody can say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from pipeline.answers.cost import cost
from pipeline.answers.money import minor_digits, to_cents
from pipeline.answers.window import Window
from pipeline.budgets import Budget
from pipeline.months.charge import BY, USAGE, Charge
from pipeline.months.closings import charged, closings
from pipeline.months.draft import Draft
from pipeline.months.inputs import Inputs
from pipeline.months.span import first, months
from pipeline.months.verify import Snapshots
from pipeline.prices.rates import rate_at
from pipeline.store import Store

Teams = set[str]


@dataclass(frozen=True, slots=True)
class _Month:
    """What was charged for a month, and the ledger that it was computed from: `snapshot` None is this one."""

    span: Window
    charges: tuple[Charge, ...]
    inputs: Inputs
    snapshot: int | None = None


class _Unknown(Exception):
    """Why a budget cannot be compared."""


def planned(store: Store, at: Snapshots, made: Draft) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Rows in the statement's currency (planned, spent, what is left, whose costs they are of, and how the
    numbers came about, '' where they are of the month and its currency), and those that cannot be said."""
    day = made.month.start.date()
    shown, left_out = [], []
    for plan in made.inputs.budgets:
        if not plan.valid_from <= day < plan.valid_to:
            continue
        team = dict(plan.match).get("team", "")
        try:
            shown.append({"budget": plan.name, "team": team, **_row(store, at, made, plan, team)})
        except _Unknown as why:
            left_out.append({"budget": plan.name, "team": team, "why": str(why)})
    return shown, left_out


def _row(store: Store, at: Snapshots, made: Draft, plan: Budget, team: str) -> dict[str, Any]:
    amount, rated = _amount(made, plan)
    spent, teams, said = Decimal(0), set[str](), [rated]
    over = list(_period(store, made, plan))
    for one in over:
        part, whose = _spent(store, at, one, plan)
        spent, teams = spent + part, teams | whose
    if plan.period == "quarter":
        begun = "" if len(over) == 1 else f"{over[0].span.start:%Y-%m} to "
        said.append(f"of the quarter, so far {begun}{made.month.start:%Y-%m}")
    spent = to_cents(spent, minor_digits(made.inputs.currency))
    return {
        "teams": teams or {team}, "amount": amount, "spent": spent, "left": amount - spent,
        "said": "; ".join(filter(None, said)),
    }  # fmt: skip


def _amount(made: Draft, plan: Budget) -> tuple[Decimal, str]:
    """In the statement's currency, at the rate of the month's last moment, which is named."""
    code = made.inputs.currency
    if plan.currency == code:
        return plan.amount, ""
    moment = made.month.end - timedelta(microseconds=1)
    rate = rate_at(made.inputs.prices.rates, plan.currency, code, moment)
    if rate is None:
        raise _Unknown(f"in {plan.currency}, of which the price book has no rate to {code}")
    planned = to_cents(plan.amount * rate.rate, minor_digits(code))
    return planned, (
        f"{plan.amount:f} {plan.currency} at {rate.rate:f}, the rate since {rate.valid_from:%Y-%m-%d}"
    )


def _period(store: Store, made: Draft, plan: Budget) -> Iterator[_Month]:
    """The months of its period up to this one; those before a GPU was seen cost nothing."""
    start = datetime.combine(plan.span(made.month.start.date())[0], time.min)
    if start < made.month.start:
        closed = {c.month: c for c in closings(store)}
        for span in months(max(start, first(store).start), made.month.start):
            one = closed.get(span.start)
            if one is None:
                raise _Unknown(f"of a quarter whose {span.start:%Y-%m} is not closed")
            if one.currency != made.inputs.currency:
                raise _Unknown(f"of a quarter whose {span.start:%Y-%m} was charged in {one.currency}")
            yield _Month(span, tuple(charged(store, span.start)), one.thawed(), one.snapshot)
    yield _Month(made.month, made.charges, made.inputs)


def _spent(store: Store, at: Snapshots, of: _Month, plan: Budget) -> tuple[Decimal, Teams]:
    """Of usage, and whose it is."""
    if {dimension for dimension, _ in plan.match} <= set(BY):
        used = [c for c in of.charges if c.kind == USAGE and plan.covers(dict(zip(BY, c.key, strict=True)))]
        return sum((c.amount or Decimal(0) for c in used), Decimal(0)), {c.team for c in used}
    if of.snapshot is None:
        return _labelled(store, of, plan)
    with at(of.snapshot) as then:
        return _labelled(then, of, plan)


def _labelled(store: Store, of: _Month, plan: Budget) -> tuple[Decimal, Teams]:
    """By a label, which no charge has: of the cost answer that the charges are made of."""
    by = tuple(dict.fromkeys((*(dimension for dimension, _ in plan.match), "team")))
    given = of.inputs
    answer = cost(store, of.span, by, given.prices, given.currency, given.rule, given.owners)
    own = [line for line in answer.named() if plan.covers(line)]
    return sum((line["total_cost"] or Decimal(0) for line in own), Decimal(0)), {line["team"] for line in own}
