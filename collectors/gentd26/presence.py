"""When a GenTD26 pod was there, from the times at which it was sampled."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from collectors.gentd26 import names
from collectors.parsed import to_table

INTERVAL_MICROSECONDS = 57_000_000
BRIDGED_MICROSECONDS = 3 * INTERVAL_MICROSECONDS
"""Up to two samples missing in a row are a lost sample; more mean that the pod was away."""

Instants = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def presence(ips: pa.ChunkedArray, times: pa.ChunkedArray, cluster: str) -> dict[str, pa.Table]:
    """`device` and `allocation`, one each a run of samples, of equally long `ips` and `times`.

    A run lasts from one interval before its first sample to its last.  An edge is `gap` where the data
    itself begins, ends or was interrupted there, so that the true edge is not known; else `observed`.
    A GPU is known through its pod alone, so while the pod is away nothing says that a GPU stood by.
    """
    coded = ips.combine_chunks().dictionary_encode()
    pod = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    at: Instants = times.cast(pa.int64()).to_numpy()
    order = np.lexsort((at, pod))
    pod, at = pod[order], at[order]
    new_pod = np.diff(pod, prepend=-1) != 0
    first = new_pod | (np.diff(at, prepend=at[0]) > BRIDGED_MICROSECONDS)
    last = np.roll(first, -1)
    ends = at[last]
    runs = {
        "pod": pod[first],
        "start": at[first] - INTERVAL_MICROSECONDS,
        "end": ends,
        "start_gap": (at[first] == at.min()) | ~new_pod[first],
        "end_gap": (ends == at.max()) | ~np.roll(new_pod, -1)[last],
    }
    return {
        "device": _devices(coded.dictionary, runs, cluster),
        "allocation": _allocations(coded.dictionary, runs, cluster),
    }


def _devices(ips: pa.Array, runs: dict[str, Any], cluster: str) -> pa.Table:
    columns: dict[str, Any] = {
        "cluster": cluster,
        "node": names.NODE,
        "device": names.devices(ips.take(pa.array(runs["pod"]))),
        "gpu_model": names.GPU_MODEL,
        "start": pa.array(runs["start"]),
        "end": pa.array(runs["end"]),
        "time": pa.array(runs["end"]),
        "revision": pa.array(runs["end"]),
    }
    return _with_times("device", columns, len(runs["end"]))


def _allocations(ips: pa.Array, runs: dict[str, Any], cluster: str) -> pa.Table:
    held = ips.take(pa.array(runs["pod"]))
    columns: dict[str, Any] = {
        "cluster": cluster,
        "node": names.NODE,
        "device": names.devices(held),
        "consumer_uid": held,
        "namespace": names.NAMESPACE,
        "pod": held,
        "workload": names.workloads(held),
        "model": names.MODEL,
        "model_version": names.VERSION,
        "method": "whole",
        "share_units": 1,
        "device_units": 1,
        "admin_access": False,
        "start": pa.array(runs["start"]),
        "end": pa.array(runs["end"]),
        "start_quality": _quality(runs["start_gap"]),
        "end_quality": _quality(runs["end_gap"]),
        "time": pa.array(runs["end"]),
        "revision": pa.array(runs["end"]),
    }
    return _with_times("allocation", columns, len(held))


def _with_times(type_name: str, columns: dict[str, Any], rows: int) -> pa.Table:
    stamps = {name: columns[name].cast(pa.timestamp("us", tz="UTC")) for name in ("start", "end", "time")}
    return to_table(type_name, columns | stamps, rows)


def _quality(gap: Flags) -> list[str]:
    return ["gap" if unknown else "observed" for unknown in gap.tolist()]
