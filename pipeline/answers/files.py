"""An answer as a file that a spreadsheet opens: CSV, and XLSX with a sheet about how far to trust it."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Any, TextIO

from pipeline.answers.answer import Answer, Column, Value, to_json
from pipeline.answers.cells import machine

_FORMS = {"money": "#,##0.00", "decimal": "#,##0.00", "ratio": "0.0%", "integer": "#,##0",
          "time": "yyyy-mm-dd hh:mm"}  # fmt: skip
_NARROW, _WIDE = 12, 28
"""Widths of a sheet's columns, in characters."""


def write_csv(answer: Answer, stream: TextIO) -> None:
    """Rows only, each with `as_of` and `completeness`, its own where it has one.

    Text that a spreadsheet would run is quoted with '.
    """
    writer = csv.writer(stream, lineterminator="\n")
    names = [c.name for c in answer.columns]
    whole = {"as_of": machine(answer.as_of), "completeness": machine(answer.completeness)}
    tail = {name: value for name, value in whole.items() if name not in names}
    writer.writerow([*names, *tail])
    writer.writerows([*(machine(value) for value in row), *tail.values()] for row in answer.rows)


def csv_text(answer: Answer) -> str:
    stream = io.StringIO()
    write_csv(answer, stream)
    return stream.getvalue()


def xlsx(answer: Answer) -> bytes:
    """Sheet `rows` with the total last, sheet `about` with window, as-of, completeness and notes.

    Text is text, whatever it begins with.  Numbers are as exact as a spreadsheet's: 15 digits.
    """
    import xlsxwriter

    stream = io.BytesIO()
    safe = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(stream, safe) as book:
        bold = book.add_format({"bold": True})
        forms = {kind: book.add_format({"num_format": form}) for kind, form in _FORMS.items()}
        sheet = book.add_worksheet("rows")
        sheet.freeze_panes(1, 0)
        for j, column in enumerate(answer.columns):
            sheet.set_column(j, j, _WIDE if column.kind in ("text", "identity") else _NARROW + 4)
            sheet.write_string(0, j, _heading(column), bold)
        rows = [*answer.rows, *([] if answer.total is None else [_named_total(answer)])]
        for i, row in enumerate(rows, start=1):
            for j, (column, value) in enumerate(zip(answer.columns, row, strict=True)):
                _write(sheet, i, j, value, forms.get(column.kind))
        about = book.add_worksheet("about")
        about.set_column(0, 0, _NARROW)
        for i, (name, text) in enumerate(_about(answer)):
            about.write_string(i, 0, name, bold)
            about.write_string(i, 1, text)
    return stream.getvalue()


def _heading(column: Column) -> str:
    unit = "UTC" if column.kind == "time" else column.unit
    return f"{column.name} ({unit})" if unit else column.name


def _named_total(answer: Answer) -> tuple[Value, ...]:
    first, *others = answer.total or ()
    return (first or "TOTAL", *others)


def _write(sheet: Any, row: int, column: int, value: Value, form: Any) -> None:
    if isinstance(value, str):
        sheet.write_string(row, column, value)
    elif isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, datetime):
        sheet.write_datetime(row, column, value, form)
    elif isinstance(value, int | float | Decimal) and isfinite(value):
        sheet.write_number(row, column, float(value), form)


def _about(answer: Answer) -> list[tuple[str, str]]:
    plain = to_json(answer)
    reach = [(name, "" if plain[name] is None else str(plain[name])) for name in ("as_of", "completeness")]
    notes = [("note" if i == 0 else "", note) for i, note in enumerate(answer.notes)]
    return [("window", "" if answer.window is None else str(answer.window)), *reach, *notes]
