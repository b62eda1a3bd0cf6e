"""A table of a statement, as the typst template and the HTML page take it, with names made harmless."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def table(
    heads: Sequence[str], rows: Sequence[Sequence[Any]], align: str, total: Sequence[str] | None = None
) -> dict[str, Any]:
    widths = ["fr" if i == 0 else "auto" for i in range(len(heads))]
    return {
        "heads": list(heads),
        "rows": [[visible(c) if a == "l" else c for a, c in zip(align, row, strict=True)] for row in rows],
        "align": list(align),
        "total": None if total is None else list(total),
        "widths": widths,
    }


NAME, SENTENCE = 90, 600
"""The longest that is shown whole, in characters."""


def visible(value: Any, longest: int = NAME) -> Any:
    """Control and direction characters as their codes; what is too long for a page is cut."""
    if not isinstance(value, str):
        return value
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)
    cut = plain if len(plain) <= longest else f"{plain[: longest - 10]}… ({len(plain)} characters)"
    return "\u200b".join(cut[i : i + 20] for i in range(0, len(cut), 20)) if " " not in cut else cut
