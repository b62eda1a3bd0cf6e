"""A statement as CSV: a row a line, a team's sum and the total, harmless in a spreadsheet."""

from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO

from pipeline.answers.money import minor_digits, to_cents
from reports.amounts import Amounts
from reports.marker import marker
from reports.statement import Statement
from reports.words import additions

COLUMNS = (
    "record", "period_start", "period_end", "team", "namespace", "workload", "model", "model_version",
    "allocated_gpu_hours", "active_gpu_hours", "idle_held_gpu_hours", "busy_gpu_hours",
    "unallocated_gpu_hours", "unpriced_gpu_hours", "used_cost", "idle_cost", "total_cost", "currency",
    "completeness", "price_book", "rule", "as_of", "charge_month", "detail", "statement",
)  # fmt: skip
"""`record` is line, team, total or due, or a correction, adjustment, mark-up or tax."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def render(statement: Statement) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for team in statement.teams:
        for line in team.lines:
            names = (line.team, line.namespace, line.workload, line.model, line.model_version)
            writer.writerow(_row(statement, "line", names, line.amounts))
        writer.writerow(_row(statement, "team", (team.name, "", "", "", ""), team.amounts))
        for kind, month, why, code, amount in additions(team):
            writer.writerow(_plain(statement, kind, team.name, f"{month:%Y-%m}", why, code, amount))
    writer.writerow(_row(statement, "total", ("", "", "", "", ""), statement.amounts))
    for code in statement.currencies:
        writer.writerow(_plain(statement, "due", "", "", "", code, statement.due(code)))
    return out.getvalue()


def _row(statement: Statement, record: str, names: tuple[str, ...], own: Amounts) -> list[str]:
    numbers = (
        own.allocated, own.active, own.idle_held, own.busy, own.unallocated, own.unpriced,
        own.used, own.idle, own.total,
    )  # fmt: skip
    return [
        record,
        statement.month.start.isoformat() + "Z",
        statement.month.end.isoformat() + "Z",
        *(_text(name) for name in names),
        *(_number(value) for value in numbers),
        statement.currency,
        _number(statement.completeness),
        _text(statement.price_book),
        _text(statement.rule),
        "" if statement.as_of is None else statement.as_of.isoformat() + "Z",
        f"{statement.month.start:%Y-%m}",
        "",
        marker(statement),
    ]


def _plain(
    of: Statement, record: str, team: str, month: str, why: str, currency: str, amount: Decimal
) -> list[str]:
    """A row of an amount that no device stands behind."""
    values = dict.fromkeys(COLUMNS, "") | {
        "record": record, "period_start": of.month.start.isoformat() + "Z",
        "period_end": of.month.end.isoformat() + "Z", "team": _text(team),
        "total_cost": _number(to_cents(amount, minor_digits(currency))),
        "currency": currency, "price_book": _text(of.price_book), "rule": _text(of.rule),
        "charge_month": month, "detail": _text(why), "statement": marker(of),
    }  # fmt: skip
    return [values[name] for name in COLUMNS]


def _text(value: str) -> str:
    """A leading ' where a spreadsheet would run the text."""
    return f"'{value}" if value.startswith(_FORMULA) else value


def _number(value: Decimal | None) -> str:
    """Empty is unknown, for example unpriced; never zero."""
    return "" if value is None else f"{value:f}"
