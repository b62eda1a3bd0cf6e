"""Folds of events that are kept as they came: refusals and gaps, a row each."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from detectors.references import Reference
from pipeline.facts.control import GAPS, REJECTED
from pipeline.facts.fact import Fact


def fold_rejected(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`rejected` events; an absent row number stays null."""
    return _rows(REJECTED, events)


def fold_gap(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`gap` events; an absent count of lost events stays null: it is unknown."""
    return _rows(GAPS, events)


def _rows(fact: Fact, events: pa.Table) -> dict[str, pa.Table]:
    columns = [_column(events, field) for field in fact.schema]
    return {fact.name: pa.table(columns, schema=fact.schema)}


def _column(events: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    column = events.column(field.name).cast(field.type, safe=False)
    return column.fill_null("") if field.type == pa.string() else column
