"""An answer: a small table with units, how fresh and how complete it is, and what a reader must know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pipeline.answers.window import Window

SCHEMA = "driftledger.answer/1"
"""Version of the JSON form; it changes when a reader of the old one would go wrong."""

ColumnKind = Literal["text", "identity", "integer", "decimal", "money", "ratio", "number", "time", "flag"]
"""identity is shown to people by its beginning; decimal and money are exact; ratio is 0 to 1; number is a
float, for statistics only."""

Value = str | int | Decimal | float | datetime | bool | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `unit` is for people (hours, seconds, USD), '' where there is none."""

    name: str
    unit: str = ""
    kind: ColumnKind = "text"
    wide: bool = False
    """Shown in `-o wide` and in every machine form, left out of `-o table`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`rows` hold plain values in the order of `columns`; None is unknown, never zero."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    as_of: datetime | None
    """Time of the newest fact that could have changed the answer, UTC; None where there is no fact."""
    completeness: Decimal | None
    """Observed seconds over expected seconds, 0 to 1; None where nothing says what to expect."""
    notes: tuple[str, ...] = ()
    """Sentences a reader needs to judge the numbers."""
    total: tuple[Value, ...] | None = None
    """The sum of the rows, in the order of `columns`, where a sum has a meaning."""
    window: Window | None = None
    observed: bool = True
    """Whether completeness has a meaning: of what was decided, said or set by somebody it has none."""

    def named(self) -> list[dict[str, Any]]:
        """The rows by column name."""
        names = [c.name for c in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]

    def total_of(self, name: str) -> Value:
        """The sum of a column, of an answer that has sums."""
        assert self.total is not None, "this answer has no sum"
        return self.total[[c.name for c in self.columns].index(name)]


def to_json(answer: Answer) -> dict[str, object]:
    """The answer in JSON values: decimals are strings, times ISO 8601 UTC, rows objects by column name."""
    names = [c.name for c in answer.columns]
    return {
        "schema": SCHEMA,
        "as_of": _plain(answer.as_of),
        "window": answer.window and {"start": _plain(answer.window.start), "end": _plain(answer.window.end)},
        "completeness": _plain(answer.completeness),
        "columns": [{"name": c.name, "unit": c.unit, "kind": c.kind} for c in answer.columns],
        "rows": [_named(names, row) for row in answer.rows],
        "total": None if answer.total is None else _named(names, answer.total),
        "notes": list(answer.notes),
    }


def _named(names: list[str], row: tuple[Value, ...]) -> dict[str, str | int | float | bool | None]:
    return {name: _plain(value) for name, value in zip(names, row, strict=True)}


def _plain(value: Value) -> str | int | float | bool | None:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds" if value.microsecond == 0 else "microseconds") + "Z"
    if isinstance(value, float):
        return float(value)  # numpy's are floats too, and YAML does not know them
    return value
