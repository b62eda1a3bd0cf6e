"""Batches of one card's minutes with the offsets they move: made by a process that imports little."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.facts.cost import GPU_USAGE
from pipeline.facts.fact import SECONDS, TIME
from pipeline.facts.fixed import fixed
from pipeline.lake.watermarks import Advance
from pipeline.store import Batch, Store


def usage(minutes: int, micros: int = 1) -> pa.Table:
    amounts = ("observed_seconds", "busy_seconds", "active_seconds", "idle_held_seconds", "energy_joules")
    columns = {
        "minute": pa.array(np.arange(minutes) * 60_000_000, TIME),
        **{k: pa.array(["x"] * minutes) for k in ("cluster", "node", "device")},
        **{k: fixed(np.full(minutes, micros), SECONDS) for k in amounts},
        "memory_byte_seconds": pa.array(np.ones(minutes, "i8")),
        "samples": pa.array(np.ones(minutes, "i8")),
    }
    return pa.table(columns).select(GPU_USAGE.schema.names)


def batch(expected: int, offset: int, minutes: int = 20) -> Batch:
    return Batch({"gpu_usage": usage(minutes)}, (Advance("t", 0, expected, offset, {}),))


def samples(store: Store) -> int:
    return sum(store.rows("gpu_usage")["samples"].to_pylist())
