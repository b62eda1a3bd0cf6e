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


def link(url: str, text: str) -> Html:
    """To an address of the configuration: never to one that a name holds."""
    return Html(f'<a href="{escape(url, quote=True)}">{escape(_visible(text))}</a>')


def bar(share: float) -> Html:
    """What part was used, 0 to 1."""
    used = share * 100
    return Html(
        f'<td><div class="bar" role="img" aria-label="{used:.1f}% used">'
        f'<i style="width:{used:.1f}%"></i><i style="width:{100 - used:.1f}%"></i></div></td>'
    )


def table(
    heads: Sequence[str], rows: Iterable[Sequence[Html]], total: Sequence[Html] | None, kinds: Sequence[str]
) -> Html:
    """`kinds` are the classes of the columns; a table that is wider than its page is scrolled."""
    titles = (element("th", head, kind) for head, kind in zip(heads, kinds, strict=True))
    body = join(*(Html(f"<tr>{''.join(row)}</tr>") for row in rows))
    foot = Html(f"<tfoot><tr>{''.join(total)}</tr></tfoot>") if total is not None else Html("")
    head = f"<thead><tr>{''.join(titles)}</tr></thead>"
    return Html(f'<div class="wide"><table>\n{head}\n<tbody>\n{body}\n</tbody>\n{foot}</table></div>')


def _visible(text: str) -> str:
    """Control and direction characters shown as their codes: a name must not rearrange a bill."""
    return "".join(
        c if c.isprintable() or c == "\u200b" else c.encode("unicode_escape").decode() for c in text
    )
