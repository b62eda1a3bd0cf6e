"""The loop of a worker: take without acknowledging, fold, commit to the ledger, then acknowledge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, TypeVar

from pipeline.events import Message
from pipeline.folding import Folded
from pipeline.settings.worker import WorkerSettings
from pipeline.wire.limits import MAX_MESSAGE_BYTES
from pipeline.worker.intake import Intake
from pipeline.worker.message import held_bytes, message
from pipeline.worker.patience import Stopped
from pipeline.worker.stopping import Stopping

Done = TypeVar("Done")


class Taking:
    """Commits what Faust's stream gives, one part after the other; nothing is acknowledged before.

    While a part is committed on the thread `ledger`, the next one is folded on the thread `folds`.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        topic_ids: Mapping[str, str],
        intake: Intake,
        *,
        ledger: Executor,
        folds: Executor,
        owned: Callable[[str, int], bool],
        generation: Callable[[], int],
        stopping: Stopping,
    ) -> None:
        self._settings = settings
        self._topic_ids = topic_ids
        self._intake = intake
        self._ledger = ledger
        self._folds = folds
        self._owned = owned
        self._generation = generation
        self._stopping = stopping
        self._idle = asyncio.Event()
        self._idle.set()
        self._folding = False
        self._commit: asyncio.Task[None] | None = None
        self._broken = asyncio.get_running_loop().create_future()

    async def __call__(self, stream: Any) -> None:
        full = Full(stream, self._settings.take_messages, self._settings.take_bytes)
        async for events in stream.noack_take(full, self._settings.take_seconds):
            for part in parts(self._current(events), self._settings.take_bytes):
                self._folding = True
                folded = await self._on(self._folds, self._fold, part)
                await self._idle.wait()
                self._folding = False
                if self._stopping.is_set() or self._broken.done():
                    return
                self._idle.clear()
                self._commit = asyncio.ensure_future(self._committing(part, folded))

    def at_rest(self) -> bool:
        """Whether nothing of what was taken is still to be committed."""
        return self._idle.is_set() and not self._folding

    async def idle(self) -> None:
        """Return once the transaction in hand is done."""
        await self._idle.wait()

    async def broken(self) -> None:
        """Never returns; raises what a transaction failed with."""
        await self._broken

    def _current(self, events: Sequence[Any]) -> list[Any]:
        """What was read before a rebalance is read again from where the ledger is: to take it now would seem
        to skip what lies between."""
        return [e for e in events if e.message.generation_id == self._generation()]

    def _fold(self, events: Sequence[Any]) -> Folded:
        return self._intake.ahead(self._messages(events))

    def _messages(self, events: Sequence[Any]) -> list[Message]:
        return [message(e, self._topic_ids[e.message.topic]) for e in events]

    async def _committing(self, events: Sequence[Any], folded: Folded) -> None:
        try:
            current = self._current(events)
            messages = folded.messages if len(current) == len(events) else self._messages(current)
            await self._on(self._ledger, self._intake.step, messages, self._owned, folded)
            for event in current:
                event.ack()
        except Stopped:
            pass
        except Exception as error:
            if not self._broken.done():
                self._broken.set_exception(error)
        finally:
            self._idle.set()

    async def _on(self, thread: Executor, act: Callable[..., Done], *arguments: Any) -> Done:
        return await asyncio.get_running_loop().run_in_executor(thread, act, *arguments)


class Full:
    """Whether a stream's take is as large as a transaction may be: by messages, as Faust counts them, and by
    bytes, which it does not.

    Faust asks by `messages so far >= full`, after each message.
    """

    def __init__(self, stream: Any, messages: int, most_bytes: int) -> None:
        self._stream = stream
        self._messages = messages
        # The largest message may be the next; of very small takes half is enough.
        self._bytes_left = self._bytes = max(most_bytes - MAX_MESSAGE_BYTES, most_bytes // 2)

    def __le__(self, messages: int) -> bool:
        if messages == 1:
            self._bytes_left = self._bytes
        self._bytes_left -= held_bytes(self._stream.current_event.message)
        return messages >= self._messages or self._bytes_left <= 0


def parts(events: Sequence[Any], most_bytes: int) -> Iterator[list[Any]]:
    """The events in parts of at most so many bytes; one that is larger goes alone.

    In order within a partition, and one partition after the other: to move one costs a transaction 10 ms.
    """
    part: list[Any] = []
    size = 0
    for event in sorted(events, key=lambda e: (e.message.topic, e.message.partition)):
        length = held_bytes(event.message)
        if part and size + length > most_bytes:
            yield part
            part, size = [], 0
        part.append(event)
        size += length
    if part:
        yield part
