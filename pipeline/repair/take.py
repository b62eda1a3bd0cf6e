"""Repairs into the ledger: rows, the note that they are repaired, what stays refused, in one commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from pipeline.batches import messages
from pipeline.embedded import Embedded
from pipeline.events import Message
from pipeline.facts.control import REJECTED, REPAIRS
from pipeline.folding import rejected_rows
from pipeline.repair.retry import MARK, Attempt
from pipeline.store import Store


class Repairs:
    """Takes attempts exactly once: each goes in under its message's place and round, so a second one of the
    same round, by whomever, is a duplicate.  `now` is microseconds since 1970 UTC.
    """

    def __init__(self, store: Store, now: int) -> None:
        self._now = now
        self._embedded = Embedded(store, beside=self._beside)
        self._attempts: dict[str, Attempt] = {}
        self._taken: set[str] = set()

    def take(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Commit those that repair something, in one transaction; returns those that were not in already."""
        self._attempts = {a.source: a for a in attempts if a.repaired}
        self._taken = set()
        if self._attempts:
            self._embedded.take([m for a in self._attempts.values() for m in _messages(a)])
        return [self._attempts[source] for source in sorted(self._taken)]

    def _beside(self, fresh: Sequence[Message]) -> Mapping[str, pa.Table]:
        """What is written with the messages that are new; a message may have been cut into several."""
        self._taken = {_source(message) for message in fresh}
        taken = [self._attempts[source] for source in self._taken]
        left = [(a.message, rejected) for a in taken if a.refused.whole for rejected in a.left]
        rows = {REPAIRS.name: _repaired(taken, self._now)}
        return rows | ({REJECTED.name: rejected_rows(left)} if left else {})


def _messages(attempt: Attempt) -> Iterator[Message]:
    assert attempt.type is not None
    refused = attempt.refused
    yield from messages(
        attempt.type, attempt.events, source=attempt.source, sequence=refused.round, time=refused.time
    )


def _source(message: Message) -> str:
    return message.headers["ce_source"].partition(MARK)[0] + MARK


def _repaired(taken: Sequence[Attempt], now: int) -> pa.Table:
    """Rows of the `repairs` fact."""
    rows = [
        {
            "topic": a.refused.place.topic, "topic_id": a.refused.place.topic_id or "",
            "partition": a.refused.place.partition, "offset": a.refused.place.offset,
            "row": row, "round": a.refused.round,
        }
        for a in taken for row in a.repaired
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=pa.schema([f for f in REPAIRS.schema if f.name != "time"]))
    times = pa.array([now] * len(rows), pa.int64()).cast(pa.timestamp("us"))
    return table.append_column("time", times).select(REPAIRS.schema.names)
