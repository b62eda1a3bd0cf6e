"""The loop of a worker: take without acknowledging, commit to the ledger, then acknowledge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from pipeline.settings.worker import WorkerSettings
from pipeline.worker.intake import Intake
from pipeline.worker.message import message
from pipeline.worker.patience import Stopped
from pipeline.worker.stopping import Stopping


class Taking:
    """Steps what Faust's stream gives; nothing is acknowledged that is not in the ledger."""

    def __init__(
        self,
        settings: WorkerSettings,
        topic_ids: Mapping[str, str],
        intake: Intake,
        *,
        thread: Executor,
        owned: Callable[[str, int], bool],
        generation: Callable[[], int],
        stopping: Stopping,
    ) -> None:
        self._settings = settings
        self._topic_ids = topic_ids
        self._intake = intake
        self._thread = thread
        self._owned = owned
        self._generation = generation
        self._stopping = stopping
        self._idle = asyncio.Event()
        self._idle.set()

    async def __call__(self, stream: Any) -> None:
        async for events in stream.noack_take(self._settings.take_messages, self._settings.take_seconds):
            if self._stopping.is_set():
                return
            self._idle.clear()
            try:
                await self._take(events)
            except Stopped:
                return
            finally:
                self._idle.set()

    async def idle(self) -> None:
        """Return once the transaction in hand is done."""
        await self._idle.wait()

    async def _take(self, events: Sequence[Any]) -> None:
        # What was read before a rebalance is read again from where the ledger is: to take it now would seem
        # to skip what lies between.
        current = [e for e in events if e.message.generation_id == self._generation()]
        for part in parts(current, self._settings.take_bytes):
            await asyncio.get_running_loop().run_in_executor(self._thread, self._step, part)
            for event in part:
                event.ack()
            if self._stopping.is_set():
                return

    def _step(self, events: Sequence[Any]) -> None:
        self._intake.step([message(e, self._topic_ids[e.message.topic]) for e in events], self._owned)


def parts(events: Sequence[Any], most_bytes: int) -> Iterator[list[Any]]:
    """The events in order, in parts of at most so many bytes; one that is larger goes alone."""
    part: list[Any] = []
    size = 0
    for event in events:
        length = len(event.message.value or b"")
        if part and size + length > most_bytes:
            yield part
            part, size = [], 0
        part.append(event)
        size += length
    if part:
        yield part
