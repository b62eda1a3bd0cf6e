"""The one producer: what is put arrives at the broker, in order, or waits where it can be seen."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import pyarrow as pa

from collectors.publish.link import KafkaLink
from collectors.publish.outbox import Outbox
from collectors.publish.parameters import PublishSettings
from collectors.publish.stats import Stats
from pipeline.batches import messages, rejected_events
from pipeline.broker.failures import BrokerUnavailable
from pipeline.broker.parameters import KafkaSettings
from pipeline.events import MAX_MESSAGE_BYTES, TYPES, Body, EventType, Message, Rejected

SPLIT_BYTES = 524_288
"""Largest value of a message of several rows; never changes: the identity of the parts hangs on it."""

log = logging.getLogger("driftledger.publish")


class Publisher:
    """Any number of threads may put; of one source the messages come from one, in rising sequence.

    A source that reads on from a cursor of its own stores it only after `flush` returned True.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._messages = self._bytes = self._refused = 0

    @classmethod
    def open(cls, kafka: KafkaSettings, publish: PublishSettings) -> Self:
        """All topics in order; where no broker answers it starts all the same, with the spool.

        Raises ConfigError or PreflightFailed for what does not pass by itself: refused credentials, a
        certificate, a right, a topic that is not as it must be, a spool that cannot be used.
        """
        outbox = Outbox(lambda: KafkaLink(kafka, publish), publish)
        try:
            outbox.adopt(KafkaLink(kafka, publish))
        except BrokerUnavailable as error:
            log.warning("%s; messages go to the spool", error)
        except BaseException:
            outbox.close()
            raise
        outbox.start()
        return cls(outbox)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def put(
        self,
        type_: EventType,
        events: pa.Table,
        *,
        source: str,
        sequence: int,
        time: int,
        body: Body = "arrow",
        timeout: float | None = None,
    ) -> tuple[Rejected, ...]:
        """Take one batch; returns the rows that are refused because each alone is too large for a message.

        `sequence` comes from the source's own cursor and always means the same rows.  `time` is
        microseconds since 1970 UTC.  Waits while memory and spool are full, `timeout` seconds at most
        (None: as long as it takes), and then raises Blocked.
        """
        refused: list[Rejected] = []
        for message in messages(
            type_, events, source=source, sequence=sequence, time=time, limit=SPLIT_BYTES, body=body
        ):
            if len(message.value) <= MAX_MESSAGE_BYTES:
                self.send(message, timeout)
            else:
                refused += self._refuse(message, sequence, time, timeout)
        return tuple(refused)

    def _refuse(self, message: Message, sequence: int, time: int, timeout: float | None) -> list[Rejected]:
        size = f"one row of {len(message.value)} bytes, at most {MAX_MESSAGE_BYTES}"
        found = [Rejected("too_large", size)]
        source = message.headers["ce_source"]
        self.reject(found, source=source, sequence=sequence, time=time, head=message.value, timeout=timeout)
        self._refused += 1
        return found

    def reject(
        self,
        rejected: Sequence[Rejected],
        *,
        source: str,
        sequence: int,
        time: int,
        head: bytes = b"",
        timeout: float | None = None,
    ) -> None:
        """Rows that a collector's parser refused, for the ledger, under the name of their source."""
        if rejected:
            rows = rejected_events(rejected, source=source, sequence=sequence, time=time, head=head)
            self.put(
                TYPES["rejected"], rows,
                source=f"{source}/rejected", sequence=sequence, time=time, timeout=timeout,
            )  # fmt: skip

    def send(self, message: Message, timeout: float | None = None) -> None:
        """Take one message that has its identity already; waits as `put` does."""
        self._outbox.send(message, timeout)
        with self._outbox.changed:
            self._messages += 1
            self._bytes += len(message.value)

    def flush(self, timeout: float) -> bool:
        """Wait until all that was put is at the broker or safely in the spool; False if not in time."""
        done = self._outbox.wait(lambda flow: not flow.undelivered, timeout)
        if done:
            with self._outbox.changed:
                self._outbox.flow.spool.sync()
        return done

    def delivered(self, timeout: float) -> bool:
        """Wait until all is at the broker and nothing is spooled; False if not in time."""
        return self._outbox.wait(lambda flow: flow.empty, timeout)

    def close(self, timeout: float = 5.0) -> Stats:
        """Deliver for `timeout` seconds at most; what is left stays in the spool for the next start.

        Raises Undelivered where the disk has no room for it.
        """
        self._outbox.wait(lambda flow: flow.empty or flow.link is None, timeout)
        self._outbox.close()
        return self.stats()

    def stats(self) -> Stats:
        outbox = self._outbox
        with outbox.changed:
            flow, spool = outbox.flow, outbox.flow.spool
            blocked = outbox.blocked_since
            oldest = spool.oldest
            error = f"the spool cannot be read: {flow.unreadable}" if flow.unreadable else outbox.last_error
            return Stats(
                messages=self._messages,
                bytes=self._bytes,
                refused=self._refused,
                acknowledged=flow.acknowledged,
                in_memory_messages=flow.undelivered,
                in_flight_bytes=flow.in_flight_bytes,
                spooled_messages=spool.messages,
                spooled_bytes=spool.bytes,
                torn_bytes=spool.torn_bytes,
                oldest_spooled_seconds=0.0 if oldest is None else max(time.time() - oldest, 0.0),
                blocked_seconds=0.0 if blocked is None else time.monotonic() - blocked,
                connects=outbox.connects,
                connected=flow.link is not None,
                last_error=error,
            )
