"""What Faust hands over, as the message of the wire contract."""

from __future__ import annotations

from typing import Any

from pipeline.events import Message


def held_bytes(record: Any) -> int:
    """The bytes of a record of aiokafka, or of a message of Faust: its headers may be the most of it."""
    named = sum(len(name) + len(text or b"") for name, text in record.headers or ())
    return len(record.value or b"") + len(record.key or b"") + named


def message(event: Any, topic_id: str) -> Message:
    """The message of a Faust event; a header or body that is absent is empty."""
    found = event.message
    return Message(
        topic=found.topic,
        topic_id=topic_id,
        partition=found.partition,
        offset=found.offset,
        timestamp=round(found.timestamp * 1_000) * 1_000,
        headers={name: (text or b"").decode(errors="replace") for name, text in found.headers or ()},
        value=found.value or b"",
        key=found.key or b"",
    )
