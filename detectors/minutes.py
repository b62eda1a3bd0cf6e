"""Minutes of events, and group sums as rows of a fact: the primitive that all folds share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors.codes import Groups, Integers, Rows, Text, group, text
from pipeline.facts.fact import Fact
from pipeline.facts.fixed import fixed

Floats = npt.NDArray[np.float64]
Column: TypeAlias = "pa.Array | pa.ChunkedArray | Integers"

SECOND = 1_000_000
"""Microseconds of a second."""
MINUTE = 60 * SECOND
NANO_UNITS = 1_000_000_000


def microseconds(column: pa.ChunkedArray) -> Integers:
    """Times as microseconds since 1970 UTC; shape (n,), no nulls allowed."""
    return np.asarray(column.to_numpy()).view(np.int64)


def minute(times: Integers) -> Integers:
    """Start of the minute that holds each time, both in microseconds."""
    return times // MINUTE * MINUTE


def floats(column: pa.ChunkedArray) -> Floats:
    """Numbers with NaN for null; shape (n,)."""
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)


def units(values: Floats, per_unit: float) -> Integers:
    """Values in whole units (half to even), NaN as 0; seconds and 1e6 give microseconds."""
    known = values == values
    return np.rint((values if known.all() else np.where(known, values, 0.0)) * per_unit).astype(np.int64)


class Keys:
    """What gathers the rows of a batch: the minute and text columns.

    `starts` are minute starts in microseconds, shape (n,), as every text column.
    """

    def __init__(self, starts: Integers, columns: Mapping[str, Text]) -> None:
        self.starts = starts
        self.columns = columns

    def at(self, rows: Rows) -> Keys:
        return Keys(self.starts[rows], {name: column.at(rows) for name, column in self.columns.items()})

    def group(self, *more: tuple[Integers, int]) -> Groups:
        """Rows of equal keys, and equal codes in `more`."""
        return group([_minute_codes(self.starts), *((c.codes, c.size) for c in self.columns.values()), *more])

    def of(self, rows: Integers) -> dict[str, Column]:
        """The keys of some rows, by column name."""
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return {"minute": self.starts[rows], **columns}


def _minute_codes(starts: Integers) -> tuple[Integers, int]:
    if not len(starts):
        return starts, 1
    earliest, latest = int(starts.min()), int(starts.max())
    if earliest == latest:
        return np.zeros(len(starts), np.int64), 1
    return (starts - earliest) // MINUTE, (latest - earliest) // MINUTE + 1


def keys(events: pa.Table, names: Sequence[str]) -> Keys:
    """The minute of `time` and the named text columns."""
    starts = minute(microseconds(events.column("time")))
    return Keys(starts, {name: text(events.column(name)) for name in names})


def rows(fact: Fact, columns: Mapping[str, Column]) -> pa.Table:
    """A table in the fact's schema, where integers may stand for times or the last digits of decimals."""
    return pa.Table.from_arrays([_typed(columns[f.name], f.type) for f in fact.schema], schema=fact.schema)


def _typed(values: Column, of: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if not isinstance(values, np.ndarray):
        return values
    if pa.types.is_decimal(of):
        return fixed(values, of)
    if pa.types.is_timestamp(of):
        return pa.array(values).view(of)
    return pa.array(values.astype(of.to_pandas_dtype(), copy=False))
