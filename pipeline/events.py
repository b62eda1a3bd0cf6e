"""The wire contract: what a message is, how events become messages and messages become events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import pyarrow as pa

from pipeline.wire.types import TYPES, Column, EventType

__all__ = ["TYPES", "Column", "Decoded", "EventType", "Message", "Rejected", "decode", "encode"]

Body = Literal["arrow", "json"]

JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"

MAX_MESSAGE_BYTES = 1_048_576
"""Largest value that is decoded; Kafka's default message.max.bytes."""


class Message(NamedTuple):
    """One message as the broker (or the embedded runner) hands it over."""

    topic: str
    topic_id: str
    """UUID of the topic: a re-created topic starts at offset 0 again under a new one."""
    partition: int
    offset: int
    timestamp: int
    """Append time, microseconds since 1970 UTC."""
    headers: dict[str, str]
    """`ce_type ce_source ce_id ce_time ce_sequence content-type`, as text."""
    value: bytes
    key: bytes = b""


class Rejected(NamedTuple):
    """A message, or one row of its batch, that could not be taken; a value, never an exception."""

    reason: str
    """A code such as unknown_type, malformed, missing_field, wrong_type, out_of_range, time_out_of_range."""
    detail: str
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one message holds: the good rows in the type's canonical schema, and the refused ones."""

    type: EventType | None
    events: pa.Table
    rejected: tuple[Rejected, ...] = field(default=())


def encode(
    type_: EventType,
    events: pa.Table,
    *,
    source: str,
    sequence: int,
    time: int,
    body: Body = "arrow",
    key: bytes = b"",
) -> Message:
    """One message of the batch; `source` is one ordered stream with one key, `sequence` its cursor.

    `time` is microseconds since 1970 UTC.  Topic id, partition and offset are the broker's to set (0 here).
    """
    raise NotImplementedError


def decode(message: Message) -> Decoded:
    """The events of a message, row by row; never raises."""
    raise NotImplementedError
