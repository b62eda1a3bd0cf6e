"""What a collector's parser gives back: events by type, and an account of everything it read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from pipeline.events import TYPES, Rejected

_TIME = pa.timestamp("us")
GAPS_SCHEMA = pa.schema(
    [
        *(pa.field(n, pa.string()) for n in ("cluster", "source", "kind")),
        *(pa.field(n, _TIME) for n in ("start", "end")),
        pa.field("lost", pa.int64()),
        pa.field("detail", pa.string()),
    ]
)
"""What is known to be missing; the columns of the gaps fact."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Every unit read is used by an event, excluded by name, or rejected: read = used + excluded + rejected.

    What a unit is (a line, a device, a row) is said by each kind's `parse`; `used` units need not be as
    many as event rows, since several lines make one sample and one claim may have several consumers.
    """

    read: int
    used: int
    events: dict[str, pa.Table] = field(default_factory=dict)
    """Event type name to rows in its canonical schema."""
    excluded: Counter[str] = field(default_factory=Counter)
    """Units left out on purpose, by the reason's name."""
    rejected: tuple[Rejected, ...] = ()
    """One for each unit that could not be taken; `row` is its place in the file, from 0."""
    gaps: pa.Table = field(default_factory=GAPS_SCHEMA.empty_table)
    """What the source itself says that it lost, in GAPS_SCHEMA."""

    @property
    def balanced(self) -> bool:
        return self.read == self.used + self.excluded.total() + len(self.rejected)


def together(first: Parsed, second: Parsed) -> Parsed:
    """What two readers made of one look at a source."""
    events = dict(first.events)
    for name, rows in second.events.items():
        events[name] = pa.concat_tables([events[name], rows]) if name in events else rows
    return Parsed(
        first.read + second.read,
        first.used + second.used,
        events,
        first.excluded + second.excluded,
        first.rejected + second.rejected,
        pa.concat_tables([first.gaps, second.gaps]),
    )


def nothing_read(reason: str, detail: str) -> Parsed:
    """A whole file as one refused unit."""
    return Parsed(1, 0, rejected=(Rejected(reason, detail),))


def left_out(reason: str, units: int = 1) -> Parsed:
    """`units` units, all excluded under one name."""
    return Parsed(units, 0, excluded=Counter({reason: units}))


def to_table(type_name: str, columns: Mapping[str, Any], rows: int) -> pa.Table:
    """Columns (Arrow arrays, lists, or one scalar for all rows) in the type's schema; the rest is null."""
    arrays = [_column(f, columns.get(f.name), rows) for f in TYPES[type_name].schema]
    return pa.table(arrays, schema=_schema(type_name, columns))


def _schema(type_name: str, columns: Mapping[str, Any]) -> pa.Schema:
    """The canonical schema; a `features` struct keeps the children that it comes with."""
    features = columns.get("features")
    schema = TYPES[type_name].schema
    if features is None:
        return schema
    at = schema.get_field_index("features")
    return schema.set(at, schema.field(at).with_type(features.type))


def _column(target: pa.Field, values: Any, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, target.type)
    if isinstance(values, pa.StructArray):
        return values
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values if values.type == target.type else values.cast(target.type)
    if isinstance(values, list):
        return pa.array(values, target.type)
    return pa.repeat(pa.scalar(values, target.type), rows)
