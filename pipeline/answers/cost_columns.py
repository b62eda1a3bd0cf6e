"""Lines of a cost answer, a column at a time: a month by day and pod has tens of thousands of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import compress
from typing import Any

import numpy as np
import pyarrow as pa

Line = dict[str, Any]
"""A line of cost_lines.sql, by column."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Each column has `count` values; sums are int, which is a tenth of the time of Decimal."""

    columns: dict[str, list[Any]]
    count: int

    @classmethod
    def of(cls, table: pa.Table) -> Lines:
        columns = zip(table.column_names, table.columns, strict=True)
        return cls({name: _plain(column) for name, column in columns}, table.num_rows)

    @classmethod
    def of_each(cls, lines: Sequence[Line]) -> Lines:
        """The columns that each of them has."""
        names = [name for name in lines[0] if all(name in line for line in lines)] if lines else []
        return cls({name: [line[name] for line in lines] for name in names}, len(lines))

    def __getitem__(self, name: str) -> list[Any]:
        return self.columns[name] if self.count else []

    def each(self) -> list[Line]:
        names = list(self.columns)
        return [dict(zip(names, values, strict=True)) for values in zip(*self.columns.values(), strict=True)]

    def only(self, wanted: Sequence[bool]) -> Lines:
        """Those of which `wanted` is true, in their order."""
        if all(wanted):
            return self
        found = {name: [*compress(values, wanted)] for name, values in self.columns.items()}
        return Lines(found, sum(wanted))


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """Out of the memory that Arrow keeps numbers and times in: to_pylist makes each an object of its own."""
    if pa.types.is_decimal128(column.type):
        read: Callable[[pa.Array], list[Any]] = _integers
    elif column.type == pa.timestamp("us"):
        read = _times
    else:
        return list(column.to_pylist())
    return [value for chunk in column.chunks if len(chunk) for value in _known(chunk, read(chunk))]


def _integers(chunk: pa.Array) -> list[int]:
    """Whole decimals are integers of two words of 64 bits, the lower first."""
    words = np.frombuffer(chunk.buffers()[1], "<i8", 2 * (chunk.offset + len(chunk)))
    low, high = words.reshape(-1, 2)[chunk.offset :].T
    if (high == low >> 63).all():
        return list(low.tolist())
    return [(a << 64) + b for a, b in zip(high.tolist(), low.view("<u8").tolist(), strict=True)]


def _times(chunk: pa.Array) -> list[datetime]:
    times = np.frombuffer(chunk.buffers()[1], "<M8[us]", chunk.offset + len(chunk))
    return list(times[chunk.offset :].tolist())


def _known(chunk: pa.Array, values: list[Any]) -> list[Any]:
    if not chunk.null_count:
        return values
    bits = np.unpackbits(np.frombuffer(chunk.buffers()[0], np.uint8), bitorder="little")
    return [value if bit else None for value, bit in zip(values, bits[chunk.offset :].tolist(), strict=False)]
