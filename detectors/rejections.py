"""Fold of rejected messages and rows: each is kept, none is counted twice."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from detectors.references import Reference
from pipeline.facts import REJECTED


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`rejected` events as rows of the fact of the same name; an absent row stays null."""
    columns = [_column(events, field) for field in REJECTED.schema]
    return {REJECTED.name: pa.table(columns, schema=REJECTED.schema)}


def _column(events: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    column = events.column(field.name).cast(field.type, safe=False)
    return column.fill_null("") if field.type == pa.string() else column
