"""The wire contract: what a message is, how events become messages and messages become events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, NamedTuple

import msgspec
import pyarrow as pa

from pipeline.wire import arrow_body, cloudevents, json_body, json_out, rows
from pipeline.wire.catalogue import TYPES
from pipeline.wire.cloudevents import ARROW, JSON, STRUCTURED
from pipeline.wire.event_type import Column, EventType
from pipeline.wire.limits import HEAD_BYTES, MAX_MESSAGE_BYTES
from pipeline.wire.unread import Unread
from pipeline.wire.verdict import Decoded, Rejected, refused

__all__ = [
    "HEAD_BYTES",
    "MAX_MESSAGE_BYTES",
    "TYPES",
    "Body",
    "Column",
    "Decoded",
    "EventType",
    "Message",
    "Rejected",
    "decode",
    "decode_sent",
    "encode",
    "identity",
    "read_arrow",
]

Body = Literal["arrow", "json"]


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
    stamp = datetime.fromtimestamp(time / 1e6, UTC).isoformat().replace("+00:00", "Z")
    content_type = ARROW if body == "arrow" else JSON
    value = _ipc(events) if body == "arrow" else json_out.array(events)
    headers = cloudevents.headers(
        type_, source=source, sequence=sequence, time=stamp, content_type=content_type
    )
    return Message(type_.topic, "", 0, 0, time, headers, value, key or source.encode())


def _ipc(events: pa.Table) -> bytes:
    """The IPC stream of the columns that say anything."""
    said = [n for n in events.column_names if events.column(n).null_count < events.num_rows]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, events.select(said).schema) as writer:
        writer.write_table(events.select(said))
    return bytes(sink.getvalue())


def decode(message: Message) -> Decoded:
    """The events of a message in the type's canonical schema, and every row refused with its reason.

    Never raises.  Peak memory is bounded by `wire.limits.MEMORY_MULTIPLE` times the message limit.
    """
    if isinstance(message.value, Unread):
        return refused("too_large", message.value.decode())
    if len(message.value) > MAX_MESSAGE_BYTES:
        return refused("too_large", f"{len(message.value)} bytes, at most {MAX_MESSAGE_BYTES}")
    if not message.value:
        return refused("empty", "a message without a body")
    headers, body = message.headers, message.value
    if _content_type(headers) == STRUCTURED:
        try:
            headers, body = cloudevents.open_envelope(body)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            return refused("malformed", str(error))
    return _decode_body(headers, body, message)


def read_arrow(message: Message) -> tuple[EventType, pa.Table] | None:
    """The type of an Arrow message and its rows as sent; None of any other, which `decode` judges."""
    if not 0 < len(message.value) <= MAX_MESSAGE_BYTES or _content_type(message.headers) != ARROW:
        return None
    type_ = cloudevents.event_type(message.headers, message.topic)
    sent = arrow_body.read(type_, message.value) if type_ else None
    return (type_, sent) if type_ and isinstance(sent, pa.Table) and sent.num_rows else None


def decode_sent(type_: EventType, sent: pa.Table, newest: int, oldest: int) -> Decoded:
    """Rows of `read_arrow`, of one message or of several: those are judged more strictly than one by one.

    `newest` and `oldest` are the messages' append times in microseconds.
    """
    parsed = arrow_body.canonical(type_, sent)
    return parsed if parsed.rejected else rows.check(parsed, newest, oldest)


def _content_type(headers: dict[str, str]) -> str:
    return headers.get("content-type", JSON).partition(";")[0].strip().lower()


def _decode_body(headers: dict[str, str], body: bytes, message: Message) -> Decoded:
    type_ = cloudevents.event_type(headers, message.topic)
    if type_ is None:
        return refused("unknown_type", headers.get("ce_type", message.topic)[:HEAD_BYTES])
    content_type = _content_type(headers)
    if content_type == ARROW:
        parsed = arrow_body.parse(type_, body)
    elif content_type == JSON:
        parsed = json_body.parse(type_, body)
    else:
        return refused("unknown_content_type", content_type[:HEAD_BYTES], type_)
    if parsed.events.num_rows == 0 and not parsed.rejected:
        return refused("empty", "a batch without events", type_)
    return rows.check(parsed, message.timestamp)


class Identity(NamedTuple):
    """Which stream a message belongs to and its place in it; not above the last one is a duplicate.

    A source that does not number (sequence None) tells its messages apart by `id`.
    """

    source: str
    sequence: int | None
    id: str = ""


def identity(message: Message) -> Identity | None:
    """From `ce_source` and `ce_sequence`; a producer that does not number is known by its `ce_id`.

    None where the message carries neither; ValueError where `ce_sequence` is no number.
    """
    headers = message.headers
    if _content_type(headers) == STRUCTURED:
        try:
            headers, _ = cloudevents.open_envelope(message.value)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return None
    source, number = headers.get("ce_source"), cloudevents.sequence(headers)
    if not source:
        return None
    if number is not None:
        return Identity(source, number)
    return Identity(source, None, headers["ce_id"]) if headers.get("ce_id") else None
