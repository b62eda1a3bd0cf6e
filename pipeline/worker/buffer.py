"""What is read ahead of the fold: bounded by messages and by bytes, and full means that reading waits."""

from __future__ import annotations

from math import ceil
from typing import Any

from mode.utils.queues import ThrowableQueue

from pipeline.worker.message import held_bytes


class Buffer(ThrowableQueue):  # type: ignore[type-arg]
    """Faust's queue of events, whose size is the larger of its messages and its share of the bytes.

    Faust pauses and resumes single partitions as a queue fills, and looks for resumed ones once a second: a
    fast worker would stand still half of the time.  This queue never asks for it; a full one makes the reader
    wait until there is space.
    """

    def __init__(self, maxsize: int, *, max_bytes: int, **options: Any) -> None:
        self.bytes = self.messages = 0
        self._max_bytes = max_bytes
        super().__init__(maxsize, **options)

    def qsize(self) -> int:
        return max(self.messages, ceil(self.bytes * self.maxsize / self._max_bytes))

    def in_pressure_high_state(self, callback: Any) -> bool:
        return False

    def clear(self) -> None:
        super().clear()
        self.bytes = self.messages = 0

    def _put(self, item: Any) -> None:
        self.messages += 1
        self.bytes += held_bytes(item.message)
        super()._put(item)

    def _get(self) -> Any:
        item = super()._get()
        self.messages -= 1
        self.bytes -= held_bytes(item.message)
        return item
