"""A statement as PDF/A: one page answers, the rest explains; the same statement gives the same bytes."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from pipeline.answers.window import DAY
from reports import chart, font
from reports.first_page import answer, cards, foot, subtitle, warnings
from reports.marker import marker
from reports.pages import DETAILS
from reports.statement import Statement


def render(statement: Statement) -> bytes:
    made = compiled(statement, format="pdf", pdf_standards=["a-2b"])
    assert isinstance(made, bytes), "one document is one file"
    return made


def compiled(statement: Statement, **how: Any) -> Any:
    """What typst makes of it: bytes, or as pictures those of each page."""
    import typst

    # The package's types leave out that the input can be several files.
    make: Any = typst.compile

    drawn = chart.svg(statement)
    sources = {
        "main.typ": (files("reports") / "statement.typ").read_bytes(),
        "data.json": json.dumps(_shown(_document(statement, drawn is not None)), sort_keys=True).encode(),
    }
    if drawn is not None:
        sources["chart.svg"] = drawn.encode()
    return make(sources, ignore_system_fonts=True, timestamp=0, font_paths=[str(font.FOLDER)], **how)


def _shown(value: Any) -> Any:
    """PDF/A has no page with a character that its font has not."""
    if isinstance(value, str):
        return font.shown(value)
    if isinstance(value, dict):
        return {key: _shown(one) for key, one in value.items()}
    return [_shown(one) for one in value] if isinstance(value, list | tuple) else value


def _document(of: Statement, has_chart: bool) -> dict[str, Any]:
    last = of.month.end - DAY
    return {
        "title": f"GPU statement, {of.title}",
        "marker": marker(of),
        "date": [last.year, last.month, last.day],
        "sub": subtitle(of),
        "foot": foot(of),
        "warnings": warnings(of),
        "cards": cards(of),
        "answer": answer(of),
        "chart": has_chart or None,
        "chart_title": chart.title(of),
        "details": [part for make in DETAILS for part in make(of)],
    }
