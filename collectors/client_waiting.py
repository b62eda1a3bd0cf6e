"""Events of a model server that wait to be sent, in bounded memory; not safe for several threads."""

from __future__ import annotations

from collections import deque

BATCH_BYTES = 500_000
"""About the size of a request."""


class Waiting:
    def __init__(self) -> None:
        self._events: dict[str, deque[bytes]] = {"inference": deque(), "label": deque()}
        self.bytes = 0

    def __len__(self) -> int:
        return sum(map(len, self._events.values()))

    def append(self, kind: str, content: bytes) -> None:
        self._events[kind].append(content)
        self.bytes += len(content)

    def cut(self) -> tuple[str, list[bytes]]:
        """The oldest events of one kind that fit one request; the kinds take turns, since they come mixed."""
        kind = next((kind for kind, waiting in self._events.items() if waiting), "inference")
        self._events[kind] = waiting = self._events.pop(kind)
        events: list[bytes] = []
        size = 0
        while waiting and size < BATCH_BYTES:
            content = waiting.popleft()
            events.append(content)
            size += len(content) + 1
        self.bytes -= sum(map(len, events))
        return kind, events

    def clear(self) -> None:
        for waiting in self._events.values():
            waiting.clear()
        self.bytes = 0
