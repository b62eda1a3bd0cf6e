"""A table of events as messages of one size limit, and refused rows as events of their own."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence

import pyarrow as pa

from pipeline.events import HEAD_BYTES, MAX_MESSAGE_BYTES, TYPES, Body, EventType, Message, Rejected, encode


def messages(
    type_: EventType,
    events: pa.Table,
    *,
    source: str,
    sequence: int,
    time: int,
    limit: int = MAX_MESSAGE_BYTES,
    body: Body = "arrow",
) -> Iterator[Message]:
    """The batch as messages whose values are at most `limit` bytes, unless a single row is larger.

    A part that had to be cut off is a stream of its own.  How a batch is cut follows from its content and
    `limit`, so a batch that is sent again with the same limit gives the same messages.
    """
    pending = [(source, events)]
    while pending:
        name, rows = pending.pop()
        message = encode(type_, rows, source=name, sequence=sequence, time=time, body=body)
        if len(message.value) <= limit or rows.num_rows == 1:
            yield message
        else:
            half = rows.num_rows // 2
            pending += [(f"{name}/1", rows.slice(half)), (f"{name}/0", rows.slice(0, half))]


def rejected_events(
    rejected: Sequence[Rejected], *, source: str, sequence: int, time: int, head: bytes = b""
) -> pa.Table:
    """Rows that a producer refused itself, as events of type `rejected` under the name of their source."""
    type_ = TYPES["rejected"]
    columns = {
        "topic": [source] * len(rejected),
        "partition": [0] * len(rejected),
        "offset": [sequence] * len(rejected),
        "row": [r.row for r in rejected],
        "reason": [r.reason for r in rejected],
        "detail": [r.detail.replace("\0", "")[:HEAD_BYTES] for r in rejected],
        "head": [base64.b64encode(head[:HEAD_BYTES]).decode()] * len(rejected),
        "time": [time] * len(rejected),
    }
    arrays = [pa.array(columns.get(f.name, [None] * len(rejected)), f.type) for f in type_.schema]
    return pa.table(arrays, schema=type_.schema)
