"""Refused messages, kept whole: sent to `driftledger.rejected` before the ledger moves on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pipeline.broker.failures import BrokerUnavailable
from pipeline.events import Message, Rejected
from pipeline.folding import Refusals
from pipeline.wire import dead_letter

_SECONDS = 60.0

Send = Callable[..., Awaitable[Any]]


class DeadLetters:
    """Called from the thread that commits; the messages leave from the event loop's producer.

    A letter that is sent and then not committed is sent again: topic id, partition and offset tell the two.
    """

    def __init__(self, send: Send, loop: asyncio.AbstractEventLoop) -> None:
        self._send = send
        self._loop = loop

    def keep(self, refused: Refusals) -> None:
        """Return when the broker has them all; raises BrokerUnavailable otherwise."""
        sending = asyncio.run_coroutine_threadsafe(self._send_all(by_message(refused)), self._loop)
        try:
            sending.result(_SECONDS)
        except Exception as error:
            sending.cancel()
            reason = f"refused messages cannot be kept in {dead_letter.TOPIC}: {error!r}"
            raise BrokerUnavailable(reason) from error

    async def _send_all(self, letters: list[tuple[Message, list[Rejected]]]) -> None:
        await asyncio.gather(*(self._send_one(message, reasons) for message, reasons in letters))

    async def _send_one(self, message: Message, reasons: list[Rejected]) -> None:
        marked = [(name, text.encode()) for name, text in headers(message, reasons).items()]
        await self._send(dead_letter.TOPIC, message.key, message.value, None, None, marked)


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
