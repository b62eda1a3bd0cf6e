"""A statement as a workbook: a sheet a question, numbers as numbers, and no text that a sheet would run."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from io import BytesIO
from typing import Any

from pipeline.answers.money import minor_digits
from reports.first_page import foot, subtitle
from reports.marker import marker
from reports.statement import Statement
from reports.statement_sheets import Sheet, sheets

_LONGEST = 32_000
"""Characters that a cell can hold."""
_LONGEST_FOOT = 200
"""Characters of a printed page's head or foot: Excel takes 255, with the codes beside them."""
_WIDEST = 60
_HOURS = "#,##0.00"
_EACH = "#,##0.0000"
_COUNT = "#,##0"
_PART = "0.0%"
_TEXT = "@"
_HEAD, _PLAIN, _SUM = range(3)
_KINDS: dict[int, dict[str, Any]] = {
    _HEAD: {"bold": True, "bottom": 2, "text_wrap": True, "valign": "bottom"},
    _PLAIN: {"valign": "top"},
    _SUM: {"bold": True, "top": 1, "valign": "top"},
}
"""How a cell of a row looks, beside the form of its number."""
Forms = Mapping[tuple[str, int], Any]


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
        (form, kind): book.add_format(
            {**look, "num_format": form, "align": "left" if form == _TEXT else "right"}
            | ({"text_wrap": True} if form == _TEXT else {})
        )
        for form in (money, _HOURS, _EACH, _COUNT, _PART, _TEXT)
        for kind, look in _KINDS.items()
    }
    for sheet in sheets(statement):
        made_sheet = book.add_worksheet(sheet[0])
        _fill(made_sheet, sheet, money, forms)
        _printed(made_sheet, statement, title)
    book.close()
    return out.getvalue()


def _fill(sheet: Any, of: Sheet, money: str, forms: Forms) -> None:
    _, rows, has_sum = of
    sheet.freeze_panes(1, 1)
    for j, head in enumerate(rows[0]):
        column = [row[j] for row in rows[1:]]
        form = money if any(_is_number(value) for value in column) else _TEXT
        sheet.set_column(j, j, min(_WIDEST, 3 + max(len(_shown(row[j])) for row in rows)))
        _write(sheet, 0, j, head, forms[form, _HEAD])
        for i, value in enumerate(column, 1):
            form = _form(head, value, money)
            _write(sheet, i, j, value, forms[form, _SUM if has_sum and i == len(rows) - 1 else _PLAIN])
    if len(rows) == 1:
        sheet.write_string(1, 0, "None in this month.")


def _printed(sheet: Any, of: Statement, title: str) -> None:
    """On paper: as wide as a page, each with its heads, whose it is, and which statement."""
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_header(f"&L{_plain(title)}&R{_plain(subtitle(of))}")
    sheet.set_footer(f"&L{_plain(foot(of)[0])}&R&P / &N")


def _plain(text: str) -> str:
    """Nothing in a name is a code of a page's head, such as that of a picture."""
    return text[: _LONGEST_FOOT // 2].replace("&", "&&")


def _is_number(value: Any) -> bool:
    return isinstance(value, Decimal | int | float)


def _form(head: str, value: Any, money: str) -> str:
    """How a value is shown: a number by the last word of its column."""
    if not _is_number(value):
        return _TEXT
    if isinstance(value, int):
        return _COUNT
    return {"h": _HOURS, "each": _EACH, "part": _PART}.get(head.rpartition(" ")[2], money)


def _shown(value: Any) -> str:
    return f"{value:,.2f}" if isinstance(value, Decimal | float) else str(value)


def _write(sheet: Any, row: int, column: int, value: Any, form: Any) -> None:
    if _is_number(value):
        sheet.write_number(row, column, float(value), form)
    elif value is not None:
        sheet.write_string(row, column, str(value)[:_LONGEST], form)
