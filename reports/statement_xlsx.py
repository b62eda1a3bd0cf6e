"""A statement as a workbook: a sheet a question, numbers as numbers, and no text that a sheet would run."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from io import BytesIO
from typing import Any

from pipeline.answers.money import minor_digits
from reports.marker import marker
from reports.statement import Statement
from reports.statement_sheets import Sheet, sheets

_LONGEST = 32_000
"""Characters that a cell can hold."""
_WIDEST = 60
_HOURS = "#,##0.00"

_EACH = "#,##0.0000"
_COUNT = "#,##0"
_PART = "0.0%"


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
        for form in (money, _HOURS, _EACH, _COUNT, _PART)
        for bold in (False, True)
    }
    for sheet in sheets(statement):
        _fill(book.add_worksheet(sheet[0]), sheet, money, forms)
    book.close()
    return out.getvalue()


def _fill(sheet: Any, of: Sheet, money: str, forms: Mapping[tuple[str, bool], Any]) -> None:
    _, rows, has_sum = of
    sheet.freeze_panes(1, 0)
    for j, head in enumerate(rows[0]):
        sheet.set_column(j, j, min(_WIDEST, 3 + max(len(_shown(row[j])) for row in rows)))
        for i, row in enumerate(rows):
            form = _form(head, row[j], money)
            _write(sheet, i, j, row[j], forms[form, i == 0 or (has_sum and i == len(rows) - 1)])


def _form(head: str, value: Any, money: str) -> str:
    """How a number is shown, by the last word of its column."""
    if isinstance(value, int):
        return _COUNT
    return {"h": _HOURS, "each": _EACH, "part": _PART}.get(head.rpartition(" ")[2], money)


def _shown(value: Any) -> str:
    return f"{value:,.2f}" if isinstance(value, Decimal | float) else str(value)


def _write(sheet: Any, row: int, column: int, value: Any, form: Any) -> None:
    if isinstance(value, Decimal | int | float):
        sheet.write_number(row, column, float(value), form)
    elif value is not None:
        sheet.write_string(row, column, str(value)[:_LONGEST], form)
