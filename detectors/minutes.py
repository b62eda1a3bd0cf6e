"""Minutes of events, and group sums as rows of a fact: the primitive that all folds share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from detectors.codes import Groups, Integers, Mask, Rows, Text, group, is_all, text
from pipeline.facts.fact import Fact
from pipeline.facts.fixed import fixed

Floats = npt.NDArray[np.float64]
Column: TypeAlias = "pa.Array | pa.ChunkedArray | Integers"

SECOND = 1_000_000
"""Microseconds of a second."""
MINUTE = 60 * SECOND
NANO_UNITS = 1_000_000_000

_FLOAT64 = pa.float64()
_FLOAT32 = pa.float32()
_DECIMAL_BITS = 128


def microseconds(column: pa.ChunkedArray) -> Integers:
    """Times as microseconds since 1970 UTC; shape (n,), no nulls allowed."""
    return np.asarray(column.to_numpy()).view(np.int64)


def minute(times: Integers) -> Integers:
    """Whole minutes since 1970 of times in microseconds."""
    return times // MINUTE


def floats(column: pa.ChunkedArray) -> Floats:
    """Numbers with NaN for null; shape (n,), read-only where the column's own memory serves.

    A whole number beyond 2^53, as an id is, becomes the nearest one that a float holds.
    """
    return _numbers(column if column.type == _FLOAT64 else column.cast(_FLOAT64, safe=False))


def narrow_floats(column: pa.ChunkedArray) -> Floats | npt.NDArray[np.float32]:
    """The same, where numbers of 32 bits stay such."""
    return _numbers(column) if column.type == _FLOAT32 else floats(column)


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    if column.num_chunks <= 1:
        return np.asarray(column.to_numpy())
    return np.concatenate([chunk.to_numpy(zero_copy_only=False) for chunk in column.chunks])


def flag(events: pa.Table, name: str) -> Mask:
    """A column of booleans, where null is false; shape (n,)."""
    return np.asarray(pc.fill_null(events.column(name), False).to_numpy(), np.bool_)


def units(values: Floats, per_unit: float) -> Integers:
    """Values in whole units (half to even), NaN as 0; seconds and 1e6 give microseconds."""
    known = values == values
    return np.rint((values if known.all() else np.where(known, values, 0.0)) * per_unit).astype(np.int64)


class Keys:
    """What gathers the rows of a batch: the minute and text columns.

    `minutes` are whole minutes since 1970, shape (n,), as every text column.
    """

    def __init__(self, minutes: Integers, columns: Mapping[str, Text]) -> None:
        self.minutes = minutes
        self.columns = columns
        self._groups: Groups | None = None

    def at(self, rows: Rows) -> Keys:
        if is_all(rows):
            return self
        return Keys(self.minutes[rows], {name: column.at(rows) for name, column in self.columns.items()})

    def only(self, names: Sequence[str]) -> Keys:
        """The same rows, told apart by these of the columns alone."""
        fewer = Keys(self.minutes, {name: self.columns[name] for name in names})
        if all(column.size == 1 for name, column in self.columns.items() if name not in names):
            fewer._groups = self.group()
        return fewer

    def group(self, *more: tuple[Integers, int]) -> Groups:
        """Rows of equal keys, and equal codes in `more`."""
        if more or self._groups is None:
            texts = ((c.codes, c.size) for c in self.columns.values())
            found = group([_minute_codes(self.minutes), *texts, *more])
            if more:
                return found
            self._groups = found
        return self._groups

    def of(self, rows: Integers) -> dict[str, Column]:
        """The keys of some rows, by column name."""
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return {"minute": self.minutes[rows] * MINUTE, **columns}


def _minute_codes(minutes: Integers) -> tuple[Integers, int]:
    if not len(minutes):
        return minutes, 1
    earliest, latest = int(minutes.min()), int(minutes.max())
    return minutes - earliest, latest - earliest + 1


def keys(events: pa.Table, names: Sequence[str]) -> Keys:
    """The minute of `time` and the named text columns."""
    columns = {name: text(events.column(name)) for name in names}
    return Keys(minute(microseconds(events.column("time"))), columns)


def rows(fact: Fact, columns: Mapping[str, Column]) -> pa.Table:
    """A table in the fact's schema, where integers may stand for times or the last digits of decimals."""
    return pa.Table.from_arrays([_typed(columns[f.name], f.type) for f in fact.fields], schema=fact.schema)


def _typed(values: Column, of: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if not isinstance(values, np.ndarray):
        return values
    if of.bit_width == _DECIMAL_BITS:
        return fixed(values, of)
    integers = np.ascontiguousarray(values, np.int32 if of.bit_width == 32 else np.int64)
    return pa.Array.from_buffers(of, len(integers), [None, pa.py_buffer(integers)])
