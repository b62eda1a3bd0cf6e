"""The wish to stop, as the event loop and the threads each can wait for it."""

from __future__ import annotations

import asyncio
import threading


class Stopping:
    """Made and set on the event loop; threads only wait and look."""

    def __init__(self) -> None:
        self._told = asyncio.Event()
        self._seen = threading.Event()

    def set(self) -> None:
        self._seen.set()
        self._told.set()

    def is_set(self) -> bool:
        return self._seen.is_set()

    def wait(self, seconds: float) -> bool:
        """For threads: whether it came within so many seconds."""
        return self._seen.wait(seconds)

    async def told(self) -> None:
        await self._told.wait()
