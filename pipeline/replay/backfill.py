"""Replayed files through the broker, with the identity that they always have: sent twice, they count once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from collectors.publish.publisher import Publisher
from pipeline.events import EventType, Message, Rejected
from pipeline.step import Step


class Backfill:
    """A door to the broker; what it calls taken the publisher has, `Publisher.delivered` waits for the rest.

    `wait` is how many seconds it waits for a broker that went away, before Blocked is raised.
    """

    def __init__(self, publisher: Publisher, wait: float) -> None:
        self._publisher = publisher
        self._wait = wait

    def put(self, type_: EventType, events: pa.Table, *, source: str, sequence: int, time: int) -> Step:
        refused = self._publisher.put(
            type_, events, source=source, sequence=sequence, time=time, timeout=self._wait
        )
        rows = Counter({type_.name: events.num_rows - len(refused)})
        return Step(taken=1, events=rows, rejected=Counter(r.reason for r in refused))

    def reject(
        self, rejected: Sequence[Rejected], *, source: str, sequence: int, time: int, head: bytes = b""
    ) -> Step:
        self._publisher.reject(
            rejected, source=source, sequence=sequence, time=time, head=head, timeout=self._wait
        )
        return Step()

    def take(self, batch: Sequence[Message]) -> Step:
        """Messages as they are, each counted as one event: what is in it the worker will say."""
        step = Step()
        for message in batch:
            self._publisher.send(message, self._wait)
            step.taken += 1
            step.events[message.topic.removeprefix("driftledger.")] += 1
        return step
