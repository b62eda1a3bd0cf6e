"""A statement as CSV: a row a line, a team's sum and the total, harmless in a spreadsheet."""

from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO

from reports.amounts import Amounts
from reports.statement import Statement

COLUMNS = (
    "record", "period_start", "period_end", "team", "namespace", "workload", "model", "model_version",
    "allocated_gpu_hours", "active_gpu_hours", "idle_held_gpu_hours", "busy_gpu_hours",
    "unallocated_gpu_hours", "unpriced_gpu_hours", "used_cost", "idle_cost", "total_cost", "currency",
    "completeness", "price_book", "rule", "as_of",
)  # fmt: skip
"""`record` is line, team or total: sum one kind only."""

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
    writer.writerow(_row(statement, "total", ("", "", "", "", ""), statement.amounts))
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
        _number(own.completeness),
        _text(statement.price_book),
        statement.rule,
        "" if statement.as_of is None else statement.as_of.isoformat() + "Z",
    ]


def _text(value: str) -> str:
    """A leading ' where a spreadsheet would run the text."""
    return f"'{value}" if value.startswith(_FORMULA) else value


def _number(value: Decimal | None) -> str:
    """Empty is unknown, for example unpriced; never zero."""
    return "" if value is None else f"{value:f}"
