"""A statement as a workbook: a sheet a question, numbers as numbers, and no text that a sheet would run."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

from reports.marker import marker
from reports.statement import LINE_BY, Statement
from reports.words import KINDS, additions

_LONGEST = 32_000
"""Characters that a cell can hold."""


def render(statement: Statement) -> bytes:
    """The same statement gives the same bytes."""
    import xlsxwriter

    out = BytesIO()
    safe = {"in_memory": True, "strings_to_numbers": False}
    safe |= {"strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(out, safe)
    made = statement.closed_at or statement.month.end
    title = f"GPU statement, {statement.title}"
    about = {"title": title, "author": "Driftledger", "comments": marker(statement), "created": made}
    book.set_properties(about)
    bold, plain = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00####"})
    for name, rows in _sheets(statement):
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, 20, 16)
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                _write(sheet, i, j, value, bold if i == 0 else plain)
    book.close()
    return out.getvalue()


def _write(sheet: Any, row: int, column: int, value: Any, form: Any) -> None:
    if isinstance(value, Decimal | int):
        sheet.write_number(row, column, float(value), form)
    elif isinstance(value, datetime):
        sheet.write_string(row, column, f"{value:%Y-%m-%dT%H:%MZ}", form)
    elif value is not None:
        sheet.write_string(row, column, str(value)[:_LONGEST], form)


def _sheets(of: Statement) -> list[tuple[str, list[list[Any]]]]:
    heads = ["held h", "active h", "idle held h", "unpriced h", "used", "idle", "usage"]

    def numbers(own: Any) -> list[Any]:
        return [own.allocated, own.active, own.idle_held, own.unpriced, own.used, own.idle, own.total]

    teams = [
        [t.name, t.term.mode, t.cost_centre, t.term.gl_code, *numbers(t.amounts), t.due(of.currency)]
        for t in of.teams
    ]
    total = ["Total", "", "", "", *numbers(of.amounts), of.due(of.currency)]
    first = ["team", "mode", "cost centre", "GL code", *heads, f"due ({of.currency})"]
    lines = [
        [*(getattr(line, name) for name in LINE_BY), *numbers(line.amounts)]
        for t in of.teams
        for line in t.lines
    ]
    more = [
        [t.name, KINDS[kind], month, why, amount, code]
        for t in of.teams
        for kind, month, why, code, amount in additions(t)
    ]
    about = [
        ["month", f"{of.month.start:%Y-%m}"], ["currency", of.currency], ["price book", of.price_book],
        ["rule", of.rule], ["snapshot", str(of.snapshot)], ["hash", of.hash or "not closed"],
        ["statement", marker(of)], *(["note", note] for note in of.notes),
        *(["accepted gap", gap] for gap in of.accepted),
    ]  # fmt: skip
    return [
        ("Teams", [first, *teams, total]),
        ("Lines", [[*LINE_BY, *heads], *lines]),
        ("Adjustments", [["team", "what", "of", "why", "amount", "currency"], *more]),
        ("About", [["what", "value"], *about]),
    ]
