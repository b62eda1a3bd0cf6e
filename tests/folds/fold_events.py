"""Events for fold tests: dictionaries become a canonical table, required fields filled in."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa

from pipeline.events import TYPES
from pipeline.wire.features import struct

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)

_REQUIRED = {
    "gpu": {"cluster": "c", "node": "n", "device": "g", "time": NOON, "interval_seconds": 60.0},
    "flow": {"cluster": "c", "time": NOON, "verdict": "FORWARDED"},
    "inference": {"model": "m", "model_version": "1", "time": NOON},
    "label": {"model": "m", "prediction_id": "p", "time": NOON},
}


def events(name: str, *rows: dict[str, object]) -> pa.Table:
    """Rows of an event type in its canonical schema; absent fields are null."""
    filled = [{**_REQUIRED[name], **row} for row in rows]
    columns = TYPES[name].columns
    arrays = [
        struct([row.get("features") for row in filled]) if column.kind == "features"
        else pa.array([row.get(column.name) for row in filled], column.arrow.type)
        for column in columns
    ]  # fmt: skip
    return pa.table(arrays, names=[c.name for c in columns])
