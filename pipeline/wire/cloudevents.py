"""CloudEvents 1.0 attributes: binary mode as headers, structured mode as one JSON object."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.wire.catalogue import TYPES
from pipeline.wire.event_type import EventType

JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"
STRUCTURED = "application/cloudevents+json"


class Envelope(msgspec.Struct, gc=False):
    """A structured CloudEvent; `data` stays raw JSON, a body that is no JSON stands in `data_base64`."""

    specversion: str
    type: str
    source: str
    id: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    data_base64: bytes | None = None
    time: str = ""
    sequence: str | int = ""
    datacontenttype: str = JSON


_ENVELOPE = msgspec.json.Decoder(Envelope)


def headers(type_: EventType, *, source: str, sequence: int, time: str, content_type: str) -> dict[str, str]:
    """Headers of the binary mode; the id follows from source and sequence: re-sent, it is the same."""
    return {
        "ce_specversion": "1.0",
        "ce_type": type_.ce_type,
        "ce_source": source,
        "ce_id": f"{source}#{sequence}",
        "ce_time": time,
        "ce_sequence": str(sequence),
        "content-type": content_type,
    }


def open_envelope(value: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and body of a structured event; raises msgspec.DecodeError or ValidationError."""
    event = _ENVELOPE.decode(value)
    found = {
        "ce_specversion": event.specversion,
        "ce_type": event.type,
        "ce_source": event.source,
        "ce_id": event.id,
        "ce_time": event.time,
        "ce_sequence": str(event.sequence),
        "content-type": event.datacontenttype,
    }
    return {k: v for k, v in found.items() if v}, body(event.data, event.data_base64)


def body(data: msgspec.Raw, data_base64: bytes | None) -> bytes:
    """What a structured event carries, for it has one of the two (CloudEvents JSON format, 3.1)."""
    return bytes(data) if data_base64 is None else data_base64


def event_type(found: dict[str, str], topic: str) -> EventType | None:
    """The event type that a message names, by `ce_type`, or by its topic where the header is absent."""
    if "ce_type" in found:
        return _BY_CE_TYPE.get(found["ce_type"])
    return _BY_TOPIC.get(topic)


def sequence(found: dict[str, str]) -> int | None:
    """`ce_sequence` as a number; None where it is absent; ValueError where it is no number of 64 bits."""
    text: Any = found.get("ce_sequence")
    if text is None:
        return None
    number = int(text)
    if not 0 <= number < 2**63:
        raise ValueError("ce_sequence is not between 0 and 2^63 - 1")
    return number


_BY_CE_TYPE = {t.ce_type: t for t in TYPES.values()}
_BY_TOPIC = {t.topic: t for t in TYPES.values()}
