"""Events that are versions of one object, as rows of a fact in which the highest revision wins."""

from __future__ import annotations

from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from detectors.codes import constant
from detectors.minutes import microseconds
from pipeline.facts.fact import Fact

Column: TypeAlias = pa.ChunkedArray


def versions(fact: Fact, events: pa.Table, **replaced: Column) -> pa.Table:
    """One row an event, by column name; null keys become '', other nulls stay; `replaced` wins."""
    columns = [
        _typed(replaced[f.name] if f.name in replaced else events.column(f.name), f.type) for f in fact.fields
    ]
    for at, key in enumerate(fact.key):
        if columns[at].null_count and key.type == pa.string():
            columns[at] = columns[at].fill_null("")
    return pa.Table.from_arrays(columns, schema=fact.schema)


def _typed(column: Column, of: pa.DataType) -> Column:
    if column.type == of:
        return column
    only = constant(column)
    if only is not None:
        return pa.chunked_array([pa.repeat(only[0], len(column))])
    if pa.types.is_floating(column.type) and pa.types.is_integer(of):
        return pc.round(column).cast(of)
    return column.cast(of)


def time_revision(events: pa.Table) -> pa.ChunkedArray:
    """Revision of events that carry none: their time in microseconds."""
    return pa.chunked_array([pa.array(microseconds(events.column("time")))])
