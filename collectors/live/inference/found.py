"""What one body gave: event rows or tables, and an account in which every row read is explained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import pyarrow as pa

from pipeline.events import Rejected

MOST_UNITS = 50_000
"""Rows of one body: a refused one becomes a row of the ledger, and a byte each is no way to send them."""

Row = dict[str, Any]
"""Columns of one event by name; times in microseconds since 1970 UTC."""


@dataclass(slots=True)
class Found:
    """read = used + excluded + rejected; the unit is a prediction or a label, or what stands in its place."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    """Event type name to rows that are not checked against the type's bounds yet."""
    tables: list[tuple[str, pa.Table]] = field(default_factory=list)
    """Event type name and checked rows in its canonical schema."""
    excluded: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def used(self) -> int:
        tables: int = sum(table.num_rows for _, table in self.tables)
        return sum(map(len, self.rows.values())) + tables

    @property
    def read(self) -> int:
        return self.used + sum(self.excluded.values()) + len(self.rejected)

    def add(self, type_name: str, row: Mapping[str, Any]) -> None:
        self.rows.setdefault(type_name, []).append(dict(row))

    def refuse(self, reason: str, detail: str, row: int | None = None) -> None:
        """`detail` names fields and types, never a value: a value may be what must not leave here."""
        self.rejected.append(Rejected(reason, detail, row))

    def take(self, other: Found) -> None:
        for name, rows in other.rows.items():
            self.rows.setdefault(name, []).extend(rows)
        self.tables += other.tables
        self.excluded.update(other.excluded)
        self.rejected += other.rejected


def refused(reason: str, detail: str) -> Found:
    """The whole body is one refused unit."""
    return Found(rejected=[Rejected(reason, detail)])


def number(value: object) -> float | None:
    """A finite number as a float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if isfinite(found) else None


def whole(value: object) -> int | None:
    """A whole number of 64 bits, also one written as text, as JSON carries them; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str):
        is_whole = value.isascii() and value.isdigit() and len(value) < 20
    else:
        is_whole = isinstance(value, int) or value.is_integer()
    found = int(value) if is_whole else 2**63
    return found if abs(found) < 2**63 else None


def text(value: object) -> str | None:
    """A text that says something; None for anything else."""
    return value if isinstance(value, str) and value else None
