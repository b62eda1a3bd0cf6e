"""A statement as one HTML file: no script, nothing loaded from elsewhere, every name escaped, printable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from reports import chart
from reports.first_page import answer, cards, foot, subtitle, warnings
from reports.font import FAMILY
from reports.marker import marker
from reports.markup import Html, bar, element, join, table
from reports.pages import DETAILS
from reports.statement import Statement

_CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render(statement: Statement) -> str:
    """The whole page: the sections of the PDF."""
    css = (files("reports") / "statement.css").read_text(encoding="utf-8")
    title = f"GPU statement, {statement.title}"
    body = join(
        element("h1", title),
        element("p", subtitle(statement), "sub"),
        *(element("p", text, "warn") for text in warnings(statement)),
        _cards(statement),
        *_sections(answer(statement)),
        _chart(statement),
        *_sections(part for make in DETAILS for part in make(statement)),
        element("footer", " · ".join(foot(statement))),
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_CSP}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="driftledger" content="{marker(statement)}">\n'
        f"{element('title', title)}\n"
        f"<style>\n{css}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _cards(statement: Statement) -> Html:
    made = (
        Html(f'<div class="card">{element("b", b)}{element("span", s)}</div>') for b, s in cards(statement)
    )
    return Html(f'<div class="cards">{join(*made)}</div>')


def _chart(statement: Statement) -> Html:
    drawn = chart.svg(statement)
    if drawn is None:
        return Html("")
    # Of the same widths where its own font is not: else a legend's words end beside the picture.
    here = drawn.replace(f'"{FAMILY}"', f'"{FAMILY}, Arial, Helvetica, sans-serif"')
    return _section(chart.title(statement), Html(f'<div class="chart">{here}</div>'))


def _sections(parts: Iterable[Mapping[str, Any]]) -> list[Html]:
    return [
        _section(part["title"], _table(part["table"]) if "table" in part else _list(part["list"]))
        for part in parts
    ]


def _table(made: Mapping[str, Any]) -> Html:
    kinds = [_kind(head, how) for head, how in zip(made["heads"], made["align"], strict=True)]
    rows = ([_cell(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in made["rows"])
    sums = made["total"]
    total = None if sums is None else [_cell(value, kind) for value, kind in zip(sums, kinds, strict=True)]
    return table(made["heads"], rows, total, kinds)


def _kind(head: str, align: str) -> str:
    """The class of a column: a number, or one that gives way on a phone to what it comes to."""
    if align != "r":
        return ""
    return "n hours" if head.endswith(" h") or head in ("usage", "adjusted") else "n"


def _cell(value: str | float | None, kind: str) -> Html:
    return bar(value) if isinstance(value, float) else element("td", value or "", kind)


def _section(title: str, content: Html) -> Html:
    return Html(f"<section>{element('h2', title)}{content}</section>")


def _list(items: Sequence[str]) -> Html:
    return Html(f"<ul>{join(*(element('li', item) for item in items))}</ul>")
