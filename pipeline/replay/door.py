"""Where replayed files go: into a ledger in process, or to a broker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from pipeline.events import EventType, Message, Rejected
from pipeline.step import Step


class Door(Protocol):
    """Each call says what became of what it was given; `Embedded` is one."""

    def put(self, type_: EventType, events: pa.Table, *, source: str, sequence: int, time: int) -> Step: ...

    def reject(
        self, rejected: Sequence[Rejected], *, source: str, sequence: int, time: int, head: bytes = b""
    ) -> Step: ...

    def take(self, batch: Sequence[Message]) -> Step: ...
