"""HTML out of text: whatever is not Html already is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NewType

Html = NewType("Html", str)
"""Text that is markup already."""


def join(*parts: Html) -> Html:
    return Html("\n".join(part for part in parts if part))


def element(name: str, text: str, css_class: str = "") -> Html:
    of_class = f' class="{css_class}"' if css_class else ""
    return Html(f"<{name}{of_class}>{escape(_visible(text))}</{name}>")


def cell(text: str) -> Html:
    return element("td", text)


def number(text: str, css_class: str = "") -> Html:
    return element("td", text, f"n {css_class}".strip())


def table(
    heads: Sequence[str], rows: Iterable[Sequence[Html]], total: Sequence[Html] | None, *, numbers: int
) -> Html:
    """The last `numbers` columns are right-aligned; those of hours give way on a small screen."""
    first = len(heads) - numbers
    titles = (element("th", h, _head_class(h) if i >= first else "") for i, h in enumerate(heads))
    body = join(*(Html(f"<tr>{''.join(row)}</tr>") for row in rows))
    foot = Html(f"<tfoot><tr>{''.join(total)}</tr></tfoot>") if total is not None else Html("")
    head = f"<thead><tr>{''.join(titles)}</tr></thead>"
    return Html(f"<table>\n{head}\n<tbody>\n{body}\n</tbody>\n{foot}</table>")


def _head_class(head: str) -> str:
    return "n wide" if head.endswith(" h") else "n"


def _visible(text: str) -> str:
    """Control and direction characters shown as their codes: a name must not rearrange a bill."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
