"""What a spool could not read back, as a gap for the ledger."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from collectors.publish.spool import Loss
from pipeline.events import TYPES, Message, encode

TORN = "spool_torn"
"""Kind of the gap: what a publisher had taken, and its source had left behind, is gone."""


def gap(loss: Loss, folder: Path, now: int) -> Message:
    """The message that tells it; `now` is microseconds since 1970 and the sequence, so it must rise."""
    type_, end = TYPES["gap"], now / 1e6
    source = f"spool/{socket.gethostname()}{folder.absolute()}"
    row = {
        "cluster": "",
        "source": source,
        "kind": TORN,
        "start": datetime.fromtimestamp(min(loss.since, end), UTC),
        "end": datetime.fromtimestamp(end, UTC),
        "detail": f"{loss.bytes} bytes of the spool were not as they had been written",
    }
    arrays = [pa.array([row.get(field.name)], field.type) for field in type_.schema]
    return encode(type_, pa.table(arrays, schema=type_.schema), source=source, sequence=now, time=now)
