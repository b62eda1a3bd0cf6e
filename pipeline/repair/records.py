"""Records of kafka-python as the messages of the wire contract."""

from __future__ import annotations

from typing import Any

from pipeline.events import Message


def message(record: Any, topic_id: str) -> Message:
    """The message; a header or body that is absent is empty."""
    return Message(
        topic=record.topic,
        topic_id=topic_id,
        partition=record.partition,
        offset=record.offset,
        timestamp=record.timestamp * 1_000,
        headers={name: (text or b"").decode(errors="replace") for name, text in record.headers},
        value=record.value or b"",
        key=record.key or b"",
    )
