"""A broker's consumer as a test wants it: topics of one partition, whose messages the test tells."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class Consumer:
    def __init__(self) -> None:
        self._records: list[Any] = []
        self._assigned: list[Any] = []
        self._sent = 0

    def sees(self, topic: str, value: bytes | None, timestamp: int | None = 0) -> None:
        """`timestamp` in milliseconds since 1970; None as of a message without one."""
        self._records.append(
            SimpleNamespace(topic=topic, partition=0, offset=self._sent, value=value, timestamp=timestamp)
        )
        self._sent += 1

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0}

    def assign(self, parts: list[Any]) -> None:
        self._assigned = parts

    def assignment(self) -> list[Any]:
        return self._assigned

    def beginning_offsets(self, parts: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(parts, 0)

    def end_offsets(self, parts: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(parts, 1_000)

    def seek(self, part: Any, offset: int) -> None: ...
    def close(self) -> None: ...

    def poll(self, timeout_ms: int) -> dict[str, list[Any]]:
        found, self._records = self._records, []
        return {"all": found}
