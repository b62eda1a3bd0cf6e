"""A statement as PDF/A: one page answers, the rest explains; the same statement gives the same bytes."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Any

from reports import chart
from reports.marker import marker
from reports.pages import DETAILS, trend, visible, who_pays
from reports.statement import Statement
from reports.words import hours, money, percent, provisional, who


def render(statement: Statement) -> bytes:
    import typst

    # The package's types leave out that the input can be several files.
    compiled: Any = typst.compile

    drawn = chart.svg(statement) if not statement.of else None
    sources = {
        "main.typ": (files("reports") / "statement.typ").read_bytes(),
        "data.json": json.dumps(_document(statement, drawn is not None), sort_keys=True).encode(),
    }
    if drawn is not None:
        sources["chart.svg"] = drawn.encode()
    made = compiled(sources, format="pdf", pdf_standards=["a-2b"], ignore_system_fonts=True, timestamp=0)
    assert isinstance(made, bytes), "one document is one file"
    return made


def _document(of: Statement, has_chart: bool) -> dict[str, Any]:
    last = of.month.end - timedelta(days=1)
    code, own = of.currency, of.amounts
    return {
        "title": f"GPU statement, {of.title}",
        "marker": marker(of),
        "date": [last.year, last.month, last.day],
        "sub": f"{visible(who(of.of) if of.of else 'All teams')} · {of.month.start:%Y-%m-%d} "
        f"to {last:%Y-%m-%d} UTC · {code}",
        "foot": _foot(of),
        "warnings": [provisional(of)]
        if of.is_provisional
        else [f"Closed with gaps that were accepted: {visible(gap)}" for gap in of.accepted],
        "cards": [
            [money(of.due(code), code), f"{code} due"],
            [percent(own.used, own.total), "of the usage was used"],
            [hours(own.allocated + own.unallocated), "GPU-hours"],
            [percent(of.completeness, Decimal(1)), "of the time was observed"],
        ],
        "answer": [*who_pays(of), *trend(of)],
        "chart": has_chart or None,
        "chart_title": "Cost a day by team, accuracy, and actions",
        "details": [part for make in DETAILS for part in make(of)],
    }


def _foot(of: Statement) -> str:
    state = f"closed {of.closed_at:%Y-%m-%d %H:%M}Z · hash {of.hash}" if of.hash else "not closed"
    return f"{state} · snapshot {of.snapshot} · prices {visible(of.price_book)} · rule {visible(of.rule)}"
