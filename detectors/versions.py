"""Events that are versions of one object, as rows of a fact in which the highest revision wins."""

from __future__ import annotations

from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.facts.fact import TIME, Fact

Column: TypeAlias = pa.ChunkedArray


def versions(fact: Fact, events: pa.Table, **replaced: Column) -> pa.Table:
    """One row an event, by column name; null keys become '', other nulls stay; `replaced` wins."""
    columns = []
    for field in fact.schema:
        column = replaced[field.name] if field.name in replaced else events.column(field.name)
        typed = _typed(column, field.type)
        is_text_key = field.name in fact.key_names and field.type == pa.string()
        columns.append(typed.fill_null("") if is_text_key else typed)
    return pa.table(columns, schema=fact.schema)


def _typed(column: Column, of: pa.DataType) -> Column:
    if _is_constant(column):
        return pa.repeat(column.chunk(0).dictionary[0].as_py(), len(column))
    if pa.types.is_floating(column.type) and pa.types.is_integer(of):
        return pc.round(column).cast(of)
    return column.cast(of)


def _is_constant(column: Column) -> bool:
    """Whether one text stands in all rows, as model and version do in most batches."""
    if not pa.types.is_dictionary(column.type) or column.num_chunks != 1 or column.null_count:
        return False
    return len(column.chunk(0).dictionary) == 1 and column.chunk(0).dictionary.null_count == 0


def time_revision(events: pa.Table) -> pa.ChunkedArray:
    """Revision of events that carry none: their time in microseconds."""
    return events.column("time").cast(TIME).cast(pa.int64())
