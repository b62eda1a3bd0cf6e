"""How much of what a broker answered is unpacked and handed over at once: aiokafka hands over all of it, and
an answer of 50 MB may be gigabytes once it is unpacked."""

from __future__ import annotations

from typing import Any

from aiokafka.consumer.fetcher import FetchResult

from pipeline.worker.message import held_bytes

MOST_BYTES = 16_000_000
"""Of all partitions together: what a broker gives of 8 that are not packed."""

_RECORD_BYTES = 1_000
"""What Python and Faust need for a record beside its bytes: a batch may be a million empty ones."""


class Handed(FetchResult):  # type: ignore[misc]  # aiokafka tells no types
    """A partition's part of an answer.  The rest waits, packed, and what other partitions have goes first."""

    _partition_records: Any

    left = 0
    """Bytes that may still be handed over; whoever asks for more sets it."""

    def getall(self, max_records: int | None = None) -> list[Any]:
        if Handed.left <= 0 or not self.has_more() or not self.check_assignment(self._topic_partition):
            return []
        records = []
        for record in self._partition_records:
            records.append(record)
            Handed.left -= _RECORD_BYTES + held_bytes(record)
            if Handed.left <= 0:
                self._update_position()
                return records
        self._update_position()
        self._partition_records = None
        return records
