"""Rows of a small ledger, written down by hand: devices, holders and what a minute saw."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.facts.catalogue import FACTS
from pipeline.store import Batch, Store

DAY = datetime(2026, 10, 5)
Row = dict[str, Any]


def at(hour: float) -> datetime:
    """That many hours into the day, exact to the microsecond."""
    return DAY + timedelta(microseconds=round(hour * 3_600_000_000))


def device(name: str, start: datetime, end: datetime | None = None, **more: Any) -> Row:
    seen = {"cluster": "c", "node": "n", "time": end or start, "revision": 1, "gpu_model": "NVIDIA L4"}
    return {**seen, "device": name, "start": start, "end": end, **more}


def allocation(
    name: str, pod: str, start: datetime, end: datetime | None = None, share: tuple[int, int] = (1, 1),
    **more: Any,
) -> Row:  # fmt: skip
    who = {"consumer_uid": pod, "pod": pod, "namespace": "ns", "team": "team-" + pod[0], "container": "main"}
    base = {"cluster": "c", "device": name, "share_id": "", "claim_uid": "", "admin_access": False}
    base["revision"] = 1
    units = {"share_units": share[0], "device_units": share[1]}
    return {**base, **who, **units, "start": start, "end": end, "time": end or start, **more}


def minute(
    name: str, time: datetime, busy: float, active: float = 0.0, idle_held: float = 0.0, **more: Any
) -> Row:
    zero = {"memory_byte_seconds": 0, "energy_joules": 0, "samples": 1, "observed_seconds": 60}
    seconds = {"busy_seconds": busy, "active_seconds": active, "idle_held_seconds": idle_held}
    return {**zero, **seconds, "minute": time, "cluster": "c", "node": "n", "device": name, **more}


def minutes(name: str, start: datetime, end: datetime, busy: float, **more: Any) -> list[Row]:
    """Every minute of [start, end) alike."""
    count = int((end - start) / timedelta(minutes=1))
    return [minute(name, start + timedelta(minutes=i), busy, **more) for i in range(count)]


def table(fact: str, rows: Iterable[Row]) -> pa.Table:
    schema = FACTS[fact].schema
    plain = [{n: row.get(n) for n in schema.names} for row in rows]
    columns = []
    for field in schema:
        values = [r[field.name] for r in plain]
        if pa.types.is_decimal(field.type):
            columns.append(pa.array([f"{v:.6f}" for v in values], pa.string()).cast(field.type))
        else:
            columns.append(pa.array(values, field.type))
    return pa.table(columns, schema=schema)


def ledger(folder: Path, **facts: Iterable[Row]) -> Store:
    store = Store.open(folder)
    store.append(Batch({name: table(name, rows) for name, rows in facts.items()}))
    return store
