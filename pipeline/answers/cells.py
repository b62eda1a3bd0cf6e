"""One value as one cell: rounded for people, exact for programs, harmless for terminals and spreadsheets."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from pipeline.answers.answer import Answer, ColumnKind, Value

UNKNOWN = "-"
SHORT = 12
"""Characters of an identity that people are shown; `explain` takes any beginning that is unique."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def people(kind: ColumnKind, value: Value) -> str:
    """A short form of the value; None is `-`, never zero."""
    if value is None:
        return UNKNOWN
    if isinstance(value, Decimal):  # most of what is shown
        return percent(value) if kind == "ratio" else amount(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}Z"
    if isinstance(value, str):
        return safe_text(value[:SHORT] if kind == "identity" else value)
    return _number(kind, value)


def _number(kind: ColumnKind, value: int | float) -> str:
    if kind == "ratio":
        return percent(Decimal(str(value)))
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return f"{value:,}"


def percent(ratio: Decimal) -> str:
    """Rounded down, so that 100% means all of it."""
    if not ratio.is_finite():
        return UNKNOWN
    return f"{(ratio * 100).quantize(Decimal('0.1'), ROUND_FLOOR)}%"


def complete(answer: Answer) -> str:
    """How much of it was observed, in words; '' where that has no meaning."""
    if answer.completeness is None:
        return "completeness unknown" if answer.observed else ""
    return f"{percent(answer.completeness)} complete"


def amount(value: Decimal) -> str:
    """Two places, or three significant digits below one: a thousandth of a dollar is not nothing."""
    if not value:
        return "0.00"
    if abs(value) >= 1:
        return f"{value.quantize(Decimal('0.01'), ROUND_HALF_EVEN):,}"
    return f"{value.quantize(Decimal(1).scaleb(value.adjusted() - 2), ROUND_HALF_EVEN):f}"


def safe_text(text: str) -> str:
    """The text on one line, without anything that a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def machine(value: Value) -> str:
    """The exact value; text gets a leading ' where a spreadsheet would read a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return str(value)
