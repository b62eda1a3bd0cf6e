"""Offsets that a partition skips: found in what was read, and kept as rows of the `gaps` fact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from pipeline.events import Message
from pipeline.facts.control import GAPS

LOST = "offsets_lost"
"""The broker no longer had them: its retention passed, or somebody deleted records."""
TRUNCATED = "log_truncated"
"""The broker's log ends before what was taken from it: it lost its end, and gives the offsets out again."""
RECREATED = "topic_recreated"
"""The topic was deleted and made again; what was not yet taken from the old one is gone."""


class Hole(NamedTuple):
    """Offsets `first` to `last` (both included) that did not come between two messages of a partition."""

    topic: str
    topic_id: str
    partition: int
    first: int
    last: int
    start: int
    """Append time of the message before it, else of the one after it; microseconds since 1970 UTC."""
    end: int
    """Append time of the message after it."""

    @property
    def offsets(self) -> int:
        return self.last - self.first + 1


class Gap(NamedTuple):
    """One row of the `gaps` fact about a partition; `lost` is None where nobody can know it."""

    kind: str
    topic: str
    topic_id: str
    partition: int
    lost: int | None
    start: int
    end: int
    detail: str


def holes(expected: int, messages: Sequence[Message]) -> Iterator[Hole]:
    """What is missing from `messages` of one partition, in offset order, if `expected` should come first."""
    before: int | None = None
    for message in messages:
        if message.offset > expected:
            start = message.timestamp if before is None else before
            named = (message.topic, message.topic_id, message.partition)
            yield Hole(*named, expected, message.offset - 1, start, message.timestamp)
        expected, before = message.offset + 1, message.timestamp


def lost(found: Sequence[Hole]) -> list[Gap]:
    """Every hole as a loss: what holds where no broker can be asked."""
    return [loss(hole, hole.offsets) for hole in found]


def loss(hole: Hole, count: int) -> Gap:
    detail = f"offsets {hole.first} to {hole.last} were gone before they were read; topic id {hole.topic_id}"
    return Gap(LOST, hole.topic, hole.topic_id, hole.partition, count, hole.start, hole.end, detail)


def rows(gaps: Sequence[Gap]) -> pa.Table:
    """Rows of the `gaps` fact; the source is topic/partition."""
    instants = pa.timestamp("us")
    return pa.table(
        {
            "cluster": [""] * len(gaps),
            "source": [f"{g.topic}/{g.partition}" for g in gaps],
            "kind": [g.kind for g in gaps],
            "start": pa.array([g.start for g in gaps], instants),
            "end": pa.array([g.end for g in gaps], instants),
            "lost": pa.array([g.lost for g in gaps], pa.int64()),
            "detail": [g.detail for g in gaps],
        },
        schema=GAPS.schema,
    )
