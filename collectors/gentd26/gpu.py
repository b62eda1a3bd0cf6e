"""GPU samples of GenTD26's pods, and from their presence the devices and who held them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from collectors.csv_text import read_lines
from collectors.csv_values import epoch_times, numbers, present, refuse
from collectors.gentd26 import names
from collectors.gentd26.presence import presence
from collectors.parsed import Parsed, to_table
from pipeline.events import Rejected

DUTY = "pod_gpu_duty_cycle"
MEMORY = "pod_gpu_memory_used_bytes"

INTERVAL_SECONDS = 57.0
"""Every pod is sampled on one grid of 57 s."""
_BOUNDS = {DUTY: (0.0, 100.0), MEMORY: (0.0, 2.0**50)}
_KEY = ["ip", "time"]


@dataclass(frozen=True, slots=True)
class _Samples:
    """`rows`: ip, time and the value under the table's name."""

    rows: pa.Table
    read: int
    duplicates: int
    rejected: tuple[Rejected, ...]


def gpu_tables(tables: Mapping[str, bytes], cluster: str) -> Parsed:
    """One GPU a pod: a pod has one sample at a time.  What one table lacks stays unknown in the event."""
    found = {name: _samples(name, tables.get(name, b"")) for name in (DUTY, MEMORY)}
    joined = found[DUTY].rows.join(found[MEMORY].rows, keys=_KEY, join_type="full outer")
    joined = joined.sort_by([("time", "ascending"), ("ip", "ascending")])
    events = {"gpu": _gpu_events(joined, cluster)}
    if joined.num_rows:
        events |= presence(joined["ip"], joined["time"], cluster)
    duplicates = sum(f.duplicates for f in found.values())
    return Parsed(
        read=sum(f.read for f in found.values()),
        used=sum(f.rows.num_rows for f in found.values()),
        events=events,
        excluded=Counter({"duplicate_sample": duplicates} if duplicates else {}),
        rejected=found[DUTY].rejected + found[MEMORY].rejected,
    )


def _samples(name: str, data: bytes) -> _Samples:
    empty = pa.table({"ip": pa.array([], pa.string()), "time": pa.array([], pa.timestamp("us", "UTC")),
                      name: pa.array([], pa.float64())})  # fmt: skip
    if not data:
        return _Samples(empty, 0, 0, ())
    lines = read_lines(data, ("timestamp_anon", "value", "container_ip"))
    if isinstance(lines, Rejected):
        return _Samples(empty, 1, 0, (lines._replace(detail=f"{name}: {lines.detail}"),))
    columns = {
        "container_ip": present(lines.columns["container_ip"]),
        "timestamp_anon": epoch_times(lines.columns["timestamp_anon"]),
        "value": numbers(lines.columns["value"]),
    }
    good, rejected = refuse(lines, columns, {"value": _BOUNDS[name]})
    rows = pa.table([c.filter(good) for c in columns.values()], names=[*_KEY, name])
    once = _first_of_each(rows)
    named = tuple(r._replace(detail=f"{name}: {r.detail}") for r in rejected)
    return _Samples(once, lines.read, rows.num_rows - once.num_rows, named)


def _first_of_each(rows: pa.Table) -> pa.Table:
    """A pod has one value at a time; the first one stands."""
    numbered = rows.append_column("at", pa.array(range(rows.num_rows), pa.int64()))
    first = numbered.group_by(_KEY, use_threads=False).aggregate([("at", "min")])["at_min"]
    return rows.take(first) if len(first) < rows.num_rows else rows


def _gpu_events(joined: pa.Table, cluster: str) -> pa.Table:
    ips = joined["ip"]
    columns = {
        "cluster": cluster,
        "node": names.NODE,
        "device": names.devices(ips),
        "gpu_model": names.GPU_MODEL,
        "time": joined["time"],
        "interval_seconds": INTERVAL_SECONDS,
        "util_ratio": pc.multiply(joined[DUTY], 0.01),
        "memory_used_bytes": joined[MEMORY],
        "namespace": names.NAMESPACE,
        "pod": ips,
        "confidence": "measured",
    }
    return to_table("gpu", columns, joined.num_rows)
