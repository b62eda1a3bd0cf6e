"""A statement as a workbook: a sheet a question, numbers as numbers, and no text that a sheet would run."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from io import BytesIO
from typing import Any

from pipeline.answers.cost_table import NOBODYS
from pipeline.answers.money import minor_digits
from reports.amounts import Amounts
from reports.marker import marker
from reports.statement import LINE_BY, Statement
from reports.words import KINDS, METHOD, additions, who

_LONGEST = 32_000
"""Characters that a cell can hold."""
_WIDEST = 60
_HOURS = "#,##0.00"

Sheet = tuple[str, list[list[Any]], bool]
"""Name, rows with their heads first, and whether the last row is a sum."""


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
    digits = minor_digits(statement.currency)
    money = "#,##0" + ("." + "0" * digits if digits else "")
    forms = {
        (form, bold): book.add_format({"num_format": form, "bold": bold})
        for form in (money, _HOURS)
        for bold in (False, True)
    }
    for sheet in _sheets(statement):
        _fill(book.add_worksheet(sheet[0]), sheet, money, forms)
    book.close()
    return out.getvalue()


def _fill(sheet: Any, of: Sheet, money: str, forms: Mapping[tuple[str, bool], Any]) -> None:
    _, rows, has_sum = of
    sheet.freeze_panes(1, 0)
    for j, head in enumerate(rows[0]):
        sheet.set_column(j, j, min(_WIDEST, 3 + max(len(_shown(row[j])) for row in rows)))
        form = _HOURS if head.endswith(" h") else money
        for i, row in enumerate(rows):
            _write(sheet, i, j, row[j], forms[form, i == 0 or (has_sum and i == len(rows) - 1)])


def _shown(value: Any) -> str:
    return f"{value:,.2f}" if isinstance(value, Decimal) else str(value)


def _write(sheet: Any, row: int, column: int, value: Any, form: Any) -> None:
    if isinstance(value, Decimal | int):
        sheet.write_number(row, column, float(value), form)
    elif value is not None:
        sheet.write_string(row, column, str(value)[:_LONGEST], form)


def _sheets(of: Statement) -> list[Sheet]:
    heads = ["held h", "active h", "idle held h", "unpriced h", "used", "idle", "usage"]
    due = [f"due ({code})" for code in of.currencies]

    def numbers(own: Amounts) -> list[Any]:
        return [own.allocated, own.active, own.idle_held, own.unpriced, own.used, own.idle, own.total]

    teams = [
        [who(t.name), "" if t.name in NOBODYS else t.term.mode, t.cost_centre, t.term.gl_code,
         *numbers(t.amounts), *map(t.due, of.currencies)]
        for t in of.teams
    ]  # fmt: skip
    total = ["Total", "", "", "", *numbers(of.amounts), *map(of.due, of.currencies)]
    first = ["team", "mode", "cost centre", "GL code", *heads, *due]
    lines = [
        [who(line.team), *(_named(getattr(line, name)) for name in LINE_BY[1:]), *numbers(line.amounts)]
        for t in of.teams
        for line in t.lines
    ]
    more = [
        [who(t.name), KINDS[kind], f"{month:%Y-%m}", why, amount, code]
        for t in of.teams
        for kind, month, why, code, amount in additions(t)
    ]
    about = [
        ["month", f"{of.month.start:%Y-%m}"], ["currency", of.currency], ["price book", of.price_book],
        ["rule", of.rule], ["snapshot", str(of.snapshot)], ["hash", of.hash or "not closed"],
        ["statement", marker(of)], *(["method", sentence] for sentence in METHOD),
        *(["note", note] for note in of.notes), *(["accepted gap", gap] for gap in of.accepted),
    ]  # fmt: skip
    return [
        ("Teams", [first, *teams, total], True),
        ("Lines", [[*LINE_BY, *heads], *lines], False),
        ("Adjustments", [["team", "what", "of", "why", "amount", "currency"], *more], False),
        ("About", [["what", "value"], *about], False),
    ]


def _named(name: str) -> str:
    """Nobody's names are none's."""
    return "" if name in ("none", *NOBODYS) else name
