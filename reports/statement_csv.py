"""A statement as CSV: a row a line, a team's sum and the total, harmless in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from decimal import Decimal
from io import StringIO

from pipeline.answers.cost_table import NOBODYS
from pipeline.answers.money import minor_digits, to_cents
from reports.amounts import Amounts
from reports.budgets import named
from reports.marker import marker
from reports.statement import LINE_BY, Statement
from reports.words import additions

COLUMNS = (
    "record", "period_start", "period_end", "team", "namespace", "workload", "model", "model_version",
    "allocated_gpu_hours", "active_gpu_hours", "idle_held_gpu_hours", "busy_gpu_hours",
    "unallocated_gpu_hours", "unpriced_gpu_hours", "used_cost", "idle_cost", "total_cost", "currency",
    "completeness", "price_book", "rule", "as_of", "charge_month", "detail", "cost_centre",
    "gl_code", "mode", "budget", "statement",
)  # fmt: skip
"""`record` is line, team, total or due, a correction, adjustment, markup or tax, a gap that was accepted with
the close, or a budget: the plan in `budget`, what is spent of it as the cost."""

Row = dict[str, str]
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def render(statement: Statement) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in _rows(statement):
        writer.writerow([row.get(name, "") for name in COLUMNS])
    return out.getvalue()


def _rows(of: Statement) -> Iterator[Row]:
    for team in of.teams:
        terms = {
            "cost_centre": _text(team.cost_centre), "gl_code": _text(team.term.gl_code),
            "mode": "" if team.name in NOBODYS else team.term.mode,
        }  # fmt: skip
        for line in team.lines:
            yield _row(of, "line", line.amounts, {n: getattr(line, n) for n in LINE_BY}) | terms
        yield _row(of, "team", team.amounts, {"team": team.name}) | terms
        for kind, month, why, code, amount in additions(team):
            yield _plain(of, kind, team.name, f"{month:%Y-%m}", why, code, amount) | terms
    yield _row(of, "total", of.amounts, {})
    for code in of.currencies:
        yield _plain(of, "due", "", "", "", code, of.due(code))
    for gap in of.accepted:
        yield _common(of) | {"record": "gap", "detail": _text(gap)}
    for budget in of.extras.budgets:
        when, spent = f"{of.month.start:%Y-%m}", budget["spent"]
        planned = {"budget": _number(to_cents(budget["amount"], minor_digits(of.currency)))}
        yield _plain(of, "budget", budget["team"], when, named(budget), of.currency, spent) | planned


def _row(of: Statement, record: str, own: Amounts, names: Mapping[str, str]) -> Row:
    return _common(of) | {
        "record": record, **{name: _text(value) for name, value in names.items()},
        "allocated_gpu_hours": _number(own.allocated), "active_gpu_hours": _number(own.active),
        "idle_held_gpu_hours": _number(own.idle_held), "busy_gpu_hours": _number(own.busy),
        "unallocated_gpu_hours": _number(own.unallocated), "unpriced_gpu_hours": _number(own.unpriced),
        "used_cost": _number(own.used), "idle_cost": _number(own.idle), "total_cost": _number(own.total),
        "currency": of.currency, "completeness": _number(of.completeness),
        "as_of": "" if of.as_of is None else of.as_of.isoformat() + "Z",
        "charge_month": f"{of.month.start:%Y-%m}",
    }  # fmt: skip


def _plain(
    of: Statement, record: str, team: str, month: str, why: str, currency: str, amount: Decimal
) -> Row:
    """A row of an amount that no device stands behind."""
    return _common(of) | {
        "record": record, "team": _text(team), "currency": currency, "charge_month": month,
        "total_cost": _number(to_cents(amount, minor_digits(currency))), "detail": _text(why),
    }  # fmt: skip


def _common(of: Statement) -> Row:
    return {
        "period_start": of.month.start.isoformat() + "Z", "period_end": of.month.end.isoformat() + "Z",
        "price_book": _text(of.price_book), "rule": _text(of.rule), "statement": marker(of),
    }  # fmt: skip


def _text(value: str) -> str:
    """A leading ' where a spreadsheet would run the text."""
    return f"'{value}" if value.startswith(_FORMULA) else value


def _number(value: Decimal | None) -> str:
    """Empty is unknown, for example unpriced; never zero."""
    return "" if value is None else f"{value:f}"
