"""What a broker gives of a partition, read also where a header's name is no text: aiokafka fails on such a
record, and would again after every start."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

from pipeline.broker.header_names import Replacing

_OVERHEAD = struct.calcsize(">qi")
_LENGTH = struct.calcsize(">q")
"""Before its length a batch has its first offset."""


class Records:
    """The batches of an answer, in the place of aiokafka's own."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = memoryview(data), 0
        self._records = MemoryRecords(data)
        self.has_next = self._records.has_next
        self.size_in_bytes = self._records.size_in_bytes

    def next_batch(self) -> _Batch:
        batch = self._records.next_batch()
        (length,) = struct.unpack_from(">i", self._data, self._at + _LENGTH)
        own = self._data[self._at : self._at + _OVERHEAD + length]
        self._at += len(own)
        return _Batch(batch, own)


class _Batch:
    """From a name on that is no text all records are read again; the reader leaves out those that it had."""

    def __init__(self, batch: Any, own: memoryview) -> None:
        self._batch, self._own = batch, own

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._batch
        except UnicodeDecodeError:
            again = iter(_DefaultRecordBatchPy(self._own))
            again._buffer = Replacing(again._buffer)
            yield from again
