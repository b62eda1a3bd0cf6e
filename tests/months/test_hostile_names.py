"""Names that were written to do harm, in every field of a statement: each form shows them, no more."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from pipeline.answers.window import DAY, month
from pipeline.months.charge import BY, NO_COSTS, NO_HOURS, USAGE, Charge, plain, rounded
from pipeline.months.draft import Draft
from pipeline.months.inputs import Inputs
from pipeline.months.terms import Term, Terms
from pipeline.prices import PriceBook
from reports import (
    chart,
    focus,
    ledger_lines,
    statement_csv,
    statement_html,
    statement_parquet,
    statement_pdf,
    statement_xlsx,
)
from reports.statement import Extras, Statement, statement
from reports.team import of_team

SPAN = month(2026, 2)
HOSTILE = {
    "formula": '=HYPERLINK("http://x.example")',
    "minus": "-2+3+cmd|' /C calc'!A0",
    "html": "<img src=x onerror=alert(1)>&lt;",
    "typst": '#read("/etc/passwd") $x$ *b* \\ @ref <label> #panic()',
    "direction": "\u202etxt.exe\u2066",
    "lines": "a\r\nb\tc\x00d\x1b[31m",
    "escape": "\x1b",
    "script": "漢字チーム ✓ 😀 \u202dעברית",
    "long": "x" * 10_000,
}


def everywhere(name: str) -> Statement:
    """Every text that comes from somebody else is that name."""
    key = tuple(name for _ in BY)
    used = Charge(USAGE, SPAN.start, "USD", key, (Decimal(1), *NO_HOURS[1:]), (Decimal(2), *NO_COSTS[1:]))
    booked = plain("adjustment", datetime(2026, 1, 1), "USD", name, Decimal("-0.50"), name, f"credit: {name}")
    inputs = Inputs(PriceBook(name, ()), terms=Terms(name, Term(gl_code=name, cost_centre=name)))
    made = Draft(SPAN, inputs, (*rounded([used]), booked), 1, None, None, name, (name,))
    unit = dict.fromkeys(("requests", "cost", "cost_per_1k_requests", "accuracy", "cost_per_1k_correct"))
    action: dict[str, Any] = dict.fromkeys(
        (
            "cluster",
            "namespace",
            "workload",
            "kind",
            "model",
            "model_version",
            "to_version",
            "state",
            "detail",
        ),
        name,
    )
    extras = Extras(
        units=({**unit, "cost_of_drift": None, "model": name, "model_version": name},),
        actions=({**action, "outcome": name, "last": SPAN.start, "first": SPAN.start, "saved": None},),
        anomalies=(
            {"time": SPAN.start, "cost": Decimal(1), "baseline": Decimal(1), "difference": Decimal(0),
             "driver": name, "where": name},
        ),
        budgets=(
            {"budget": name, "team": name, "teams": {name}, "said": name,
             **dict.fromkeys(("amount", "spent", "left"), Decimal(1))},
        ),
        budgets_left_out=({"budget": name, "team": name, "why": "of a quarter"},),
        days=((SPAN.start, name, Decimal(2)),),
        trend=((datetime(2026, 1, 1), name, "USD", Decimal(2)),),
        quality=tuple(
            {"time": day, "model": name, "model_version": name, "accuracy": 0.9, "labelled": 100}
            for day in (SPAN.start, SPAN.end - DAY)
        ),
    )  # fmt: skip
    return replace(statement(made, extras), accepted=(name,), hash="f" * 64, closed_at=SPAN.end, program=name)


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_name_is_only_a_name(name: str) -> None:
    """Whoever names a pod must not write on the bill, read a file by it, or run what a reader opens."""
    of = everywhere(name)
    pdf = PdfReader(BytesIO(statement_pdf.render(of)))
    pages = "".join(page.extract_text() for page in pdf.pages)
    assert len(pdf.pages) <= 4 and not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", pages)
    assert "root:" not in pages and "1.50" in pages
    assert all("/A" not in note.get_object() for page in pdf.pages for note in page.get("/Annots", ()))

    page = statement_html.render(of) + statement_html.render(of_team(of, name))
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]|<img|<script|<a ", page)

    book = load_workbook(BytesIO(statement_xlsx.render(of)))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f" or cell.hyperlink]

    texts = [statement_csv.render(of), ledger_lines.render(of)]
    texts += [
        content.decode() for v in focus.VERSIONS for n, content in focus.files(of, v) if n.endswith("csv")
    ]
    for text in texts:
        values = [value for row in csv.reader(StringIO(text, newline="")) for value in row]
        assert not [v for v in values if v.startswith(("=", "+", "@", "\t", "\r", "\n"))]
        assert not [v for v in values if v.startswith("-") and not re.fullmatch(r"-[\d.]+", v)]
    assert statement_parquet.render(of)


def test_a_picture_is_the_same_whatever_fonts_a_host_has(tmp_path: Path) -> None:
    """Made on a laptop and checked in a container, a statement must be the same bytes."""
    (tmp_path / "none").mkdir()
    fonts = tmp_path / "fonts.conf"
    fonts.write_text(f"<fontconfig><dir>{tmp_path / 'none'}</dir></fontconfig>")
    code = (
        "from reports import chart; from tests.months.test_hostile_names import HOSTILE, everywhere\n"
        "print(chart.svg(everywhere(HOSTILE['script'] + 'WWW iii')))"
    )
    env = {**os.environ, "FONTCONFIG_FILE": str(fonts)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True, text=True)
    here = chart.svg(everywhere(HOSTILE["script"] + "WWW iii"))
    assert here is not None and done.stdout.rstrip("\n") == here
