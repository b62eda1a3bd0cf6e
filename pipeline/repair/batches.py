"""Spans of partitions read from end to end, in parts for one transaction each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.errors import DriftledgerError
from pipeline.events import Message
from pipeline.repair.records import message
from pipeline.worker.broker_view import Partition, Span

FROM_THE_START = {"auto_offset_reset": "earliest"}
"""Where a consumer goes on whose offset has just been deleted: at what is left, and the hole is seen."""

_TAKE_MESSAGES = 500
_TAKE_BYTES = 64_000_000
_TAKE_SECONDS = 2.0
_POLL_MS = 1_000
_QUIET_SECONDS = 30.0


def batches(
    consumer: Any, spans: Mapping[Partition, Span], ids: Mapping[Partition, str]
) -> Iterator[tuple[list[Message], int]]:
    """Messages of the spans, none of which is empty, and how many offsets each part moved over.

    Raises DriftledgerError where the broker gives nothing for 30 seconds.
    """
    from kafka import TopicPartition

    ends = {TopicPartition(*p): span.end for p, span in spans.items()}
    at = {TopicPartition(*p): span.begin for p, span in spans.items()}
    consumer.assign(list(ends))
    for part, offset in at.items():
        consumer.seek(part, offset)
    batch: list[Message] = []
    moved, since, heard = 0, time.monotonic(), time.monotonic()
    while at:
        for part, records in consumer.poll(timeout_ms=_POLL_MS, max_records=_TAKE_MESSAGES).items():
            batch += [message(record, ids[part.topic, part.partition]) for record in records]
            heard = time.monotonic()
        moved += _moved(consumer, at, ends)
        if time.monotonic() - heard > _QUIET_SECONDS:
            raise DriftledgerError(f"the broker gave nothing for {_QUIET_SECONDS:g} seconds; run this again")
        if batch and (_full(batch) or time.monotonic() - since > _TAKE_SECONDS):
            yield batch, moved
            batch, moved, since, heard = [], 0, time.monotonic(), time.monotonic()
    if batch or moved:
        yield batch, moved


def _full(batch: list[Message]) -> bool:
    return len(batch) >= _TAKE_MESSAGES or sum(len(m.value) for m in batch) >= _TAKE_BYTES


def _moved(consumer: Any, at: dict[Any, int], ends: Mapping[Any, int]) -> int:
    """By how many offsets the partitions moved; those that are at their end are read no further."""
    total = 0
    for part, before in list(at.items()):
        position = min(consumer.position(part), ends[part])
        total += position - before
        at[part] = position
        if position == ends[part]:
            del at[part]
            consumer.pause(part)
    return total
