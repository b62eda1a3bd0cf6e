"""Refused messages, kept whole: sent to `driftledger.rejected` before the ledger moves on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pipeline.broker.failures import BrokerUnavailable
from pipeline.broker.topics import MAX_RECORD_BYTES
from pipeline.events import Message, Rejected
from pipeline.folding import Refusals
from pipeline.wire import dead_letter
from pipeline.wire.unread import Unread

_SECONDS = 60.0

_BATCH_BYTES = 61 + 36
"""Of a batch of one record: Kafka's header of a batch, and the longest fields of a record."""
_HEADER_BYTES = 10
"""The longest lengths of a header's name and value."""

Send = Callable[..., Awaitable[Any]]
Letter = tuple[Message, list[tuple[str, bytes]]]
"""A refused message, and the headers with which it is kept."""

log = logging.getLogger("driftledger.worker")


class DeadLetters:
    """Called from the thread that commits; the messages leave from the event loop's producer.

    A letter that is sent and then not committed is sent again: topic id, partition and offset tell the two.
    """

    def __init__(self, send: Send, loop: asyncio.AbstractEventLoop) -> None:
        self._send = send
        self._loop = loop

    def keep(self, refused: Refusals) -> None:
        """Return when the broker has them all; raises BrokerUnavailable otherwise."""
        sending = asyncio.run_coroutine_threadsafe(self._send_all(letters(refused)), self._loop)
        try:
            sending.result(_SECONDS)
        except Exception as error:
            sending.cancel()
            reason = f"refused messages cannot be kept in {dead_letter.TOPIC}: {error!r}"
            raise BrokerUnavailable(reason) from error

    async def _send_all(self, sent: list[Letter]) -> None:
        await asyncio.gather(
            *(self._send(dead_letter.TOPIC, m.key, m.value, None, None, marked) for m, marked in sent)
        )


def letters(refused: Refusals) -> list[Letter]:
    """Each refused message once, but those that the topic of letters may not take: they are said.

    A message that its producer compressed may be many times as large as a topic's limit, and its letter is
    not compressed: to wait until it is taken would be to wait for ever.  What was not read has no letter.
    """
    found = []
    for message, reasons in by_message(refused):
        if isinstance(message.value, Unread):
            log.error("%s/%d: %s", message.topic, message.partition, reasons[0].detail)
            continue
        marked = [(name, text.encode()) for name, text in headers(message, reasons).items()]
        if (size := _bytes(message, marked)) <= MAX_RECORD_BYTES:
            found.append((message, marked))
        else:
            log.error(
                "%s/%d: offset %d is refused (%s), and too large to be kept in %s (%d bytes of %d): whole it "
                "is in its own topic alone",
                message.topic, message.partition, message.offset, reasons[0].reason, dead_letter.TOPIC, size,
                MAX_RECORD_BYTES,
            )  # fmt: skip
    return found


def _bytes(message: Message, marked: Sequence[tuple[str, bytes]]) -> int:
    """What it is to a topic's limit, at most, uncompressed."""
    named = sum(len(name.encode()) + len(text) + _HEADER_BYTES for name, text in marked)
    return _BATCH_BYTES + len(message.key) + len(message.value) + named


def headers(message: Message, reasons: Sequence[Rejected]) -> dict[str, str]:
    """The headers of the message, and those that say where it was and why it was refused."""
    whole = any(rejected.row is None for rejected in reasons)
    return message.headers | {
        dead_letter.ORIGIN_TOPIC: message.topic,
        dead_letter.ORIGIN_TOPIC_ID: message.topic_id,
        dead_letter.ORIGIN_PARTITION: str(message.partition),
        dead_letter.ORIGIN_OFFSET: str(message.offset),
        dead_letter.ORIGIN_TIMESTAMP: str(message.timestamp),
        dead_letter.REASON: reasons[0].reason,
        dead_letter.REFUSED: "all" if whole else str(len(reasons)),
    }


def by_message(refused: Refusals) -> list[tuple[Message, list[Rejected]]]:
    """Each refused message once, with all that is wrong with it."""
    found: dict[int, tuple[Message, list[Rejected]]] = {}
    for message, rejected in refused:
        found.setdefault(id(message), (message, []))[1].append(rejected)
    return list(found.values())
