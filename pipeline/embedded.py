"""The embedded runner: producers hand events over in process, no broker, through the same ingest."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from pipeline.batches import messages, rejected_events
from pipeline.errors import DriftledgerError, StaleWatermark
from pipeline.events import TYPES, EventType, Message, Rejected
from pipeline.ingest import Ingest, nothing_beside
from pipeline.step import Step
from pipeline.store import Store, Trace, silent

_ATTEMPTS = 100


def topic_id(topic: str) -> str:
    """Identity of an in-process topic: always the same, since it is never created again."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"driftledger:embedded:{topic}"))


class Embedded:
    """Gives each message the next offset of its in-process topic and steps it into the ledger."""

    def __init__(
        self,
        store: Store,
        trace: Trace = silent,
        *,
        beside: Callable[[Sequence[Message]], Mapping[str, pa.Table]] = nothing_beside,
    ) -> None:
        self.store = store
        self._ingest = Ingest(store, trace, beside=beside)

    def reload(self) -> None:
        self._ingest.reload()

    def put(self, type_: EventType, events: pa.Table, *, source: str, sequence: int, time: int) -> Step:
        """One batch in one transaction; `time` is microseconds since 1970 UTC."""
        return self.take(list(messages(type_, events, source=source, sequence=sequence, time=time)))

    def reject(
        self, rejected: Sequence[Rejected], *, source: str, sequence: int, time: int, head: bytes = b""
    ) -> Step:
        """Rows that a collector's parser refused, kept in the ledger under the name of their source."""
        if not rejected:
            return Step()
        rows = rejected_events(rejected, source=source, sequence=sequence, time=time, head=head)
        return self.put(TYPES["rejected"], rows, source=f"{source}/rejected", sequence=sequence, time=time)

    def take(self, batch: Sequence[Message]) -> Step:
        """Messages in one transaction, after whatever another process has put in meanwhile."""
        for _ in range(_ATTEMPTS):
            try:
                return self._ingest.step(self._offset(batch))
            except StaleWatermark:
                self._ingest.reload()
        raise DriftledgerError("other writers kept this ledger busy; try again when they are done")

    def _offset(self, batch: Sequence[Message]) -> list[Message]:
        following: dict[str, int] = {}
        placed = []
        for message in batch:
            identity = topic_id(message.topic)
            offset = following.get(message.topic, self._ingest.watermark(identity, 0).offset + 1)
            following[message.topic] = offset + 1
            placed.append(message._replace(topic_id=identity, partition=0, offset=offset))
        return placed
