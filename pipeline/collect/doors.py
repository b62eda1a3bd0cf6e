"""Where a collector's turns go: into the ledger in process, or to the broker; it returns once all is safe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from collectors.live.contract import Watch
from collectors.publish.outbox import Blocked
from collectors.publish.publisher import Publisher
from pipeline.embedded import Embedded
from pipeline.errors import StoreUnavailable
from pipeline.events import Message

_AGAIN_SECONDS = 1.0


class Door(Protocol):
    def keep(self, messages: Sequence[Message], watch: Watch) -> bool:
        """Waits for what is away, and says so; False where it was told to stop before all was safe."""


class Ledger:
    """One transaction a turn."""

    def __init__(self, embedded: Embedded) -> None:
        self._embedded = embedded

    def keep(self, messages: Sequence[Message], watch: Watch) -> bool:
        while True:
            try:
                self._embedded.take(messages)
            except StoreUnavailable as error:
                watch.waits("ledger", str(error))
                if watch.wait(_AGAIN_SECONDS):
                    return False
            else:
                watch.goes_on("ledger")
                return True


class Broker:
    """Safe is what the broker has, or the spool: the broker may be away as long as the spool has room."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def keep(self, messages: Sequence[Message], watch: Watch) -> bool:
        for message in messages:
            while not self._sent(message, watch):
                if watch.wait(0):
                    return False
        while not self._publisher.flush(_AGAIN_SECONDS):
            if watch.wait(0):
                return False
        watch.goes_on("broker")
        return True

    def _sent(self, message: Message, watch: Watch) -> bool:
        try:
            self._publisher.send(message, _AGAIN_SECONDS)
        except Blocked as error:
            watch.waits("broker", f"{error}; {self._publisher.stats().last_error}")
            return False
        return True
