"""The fact tables: what each row is about, which columns add up, and how two versions of a row merge.

Additive columns are integers or fixed decimals, never floats: float addition depends on the order,
and a ledger must be the same in any order.  All times are UTC; a `minute` starts at its instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

TIME = pa.timestamp("us")
SECONDS = pa.decimal128(18, 6)
NANO = pa.decimal128(18, 9)

Merge = Literal["add", "highest", "append"]
"""add: rows of one key sum up.  highest: the highest `revision` of a key wins.  append: every row stays."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact table; `key` identifies, `values` are added (merge add) or carried (highest, append)."""

    name: str
    doc: str
    merge: Merge
    key: tuple[pa.Field, ...]
    values: tuple[pa.Field, ...]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([*self.key, *self.values])

    @property
    def key_names(self) -> list[str]:
        return [f.name for f in self.key]

    @property
    def value_names(self) -> list[str]:
        return [f.name for f in self.values]


def _columns(*names: str, of: pa.DataType = pa.string()) -> tuple[pa.Field, ...]:  # noqa: B008
    return tuple(pa.field(n, of) for n in names)


_MINUTE = _columns("minute", of=TIME)
_MODEL = _columns("model", "model_version")
_SERVER = _columns("cluster", "namespace", "workload")
_COUNT = _columns("count", of=pa.int64())

GPU_USAGE = Fact(
    "gpu_usage",
    "What a device did in a minute.  busy = utilisation x time; active = time with utilisation > 0; "
    "idle_held = time with utilisation 0 while memory is held; observed = time with a known utilisation.",
    "add",
    (*_MINUTE, *_columns("cluster", "node", "device")),
    (
        *_columns("observed_seconds", "busy_seconds", "active_seconds", "idle_held_seconds", of=SECONDS),
        *_columns("memory_byte_seconds", of=pa.int64()),
        *_columns("energy_joules", of=SECONDS),
        *_columns("samples", of=pa.int64()),
    ),
)

ALLOCATIONS = Fact(
    "allocations",
    "Interval versions: who holds share_units / device_units of a device in [start, end).",
    "highest",
    (
        *_columns("cluster", "device", "share_id", "claim_uid", "consumer_uid", "container"),
        *_columns("start", of=TIME),
    ),
    (
        *_columns("end", of=TIME),
        *_columns("node", "claim", "namespace", "pod", "workload", "team"),
        *_MODEL,
        *_columns("method"),
        *_columns("share_units", "device_units", of=pa.int64()),
        *_columns("admin_access", of=pa.bool_()),
        *_columns("start_quality", "end_quality"),
        *_columns("time", of=TIME),
        *_columns("revision", of=pa.int64()),
    ),
)

DEVICES = Fact(
    "devices",
    "Device inventory, one row a version; a device exists in [start, end).",
    "highest",
    (*_columns("cluster", "device"), *_columns("start", of=TIME)),
    (
        *_columns("end", of=TIME),
        *_columns("node", "parent_device", "driver", "pool", "uuid", "gpu_model", "mig_profile"),
        *_columns("memory_bytes", of=pa.int64()),
        *_columns("provider", "region", "zone", "instance_type", "capacity_type"),
        *_columns("time", of=TIME),
        *_columns("revision", of=pa.int64()),
    ),
)

NETWORK_USAGE = Fact(
    "network_usage",
    "Flows of a workload by network class in a minute; connections count each TCP connection once.",
    "add",
    (*_MINUTE, *_columns("cluster", "namespace", "workload", "class", "method")),
    _columns("flows", "connections", "dropped", "bytes", of=pa.int64()),
)

LATENCY_BINS = Fact(
    "latency_bins",
    "Base-2 exponential histogram of a minute: bucket i counts values in (base^i, base^(i+1)] seconds, "
    "base = 2^(2^-scale); the zero bucket is ZERO_BUCKET.",
    "add",
    (*_MINUTE, *_SERVER, *_MODEL, *_columns("metric"), *_columns("scale", "bucket", of=pa.int32())),
    _COUNT,
)
ZERO_BUCKET = -(2**31)

PREDICTION_SUMS = Fact(
    "prediction_sums",
    "Traffic of a model version in a minute, with the confusion sums that CBPE estimates.",
    "add",
    (*_MINUTE, *_SERVER, *_MODEL, *_columns("reference")),
    (
        *_COUNT,
        *_columns("errors", "tokens_in", "tokens_out", "tokens_cached", "estimated_count", of=pa.int64()),
        *_columns("latency_seconds", of=SECONDS),
        *_columns(
            "estimated_correct", "estimated_tp", "estimated_fp", "estimated_fn", "estimated_tn", of=NANO
        ),
    ),
)

FEATURE_BINS = Fact(
    "feature_bins",
    "Histogram of a feature in a minute over the bins of a reference; -1 is missing, -2 unseen category.",
    "add",
    (*_MINUTE, *_MODEL, *_columns("reference", "feature"), *_columns("bin", of=pa.int32())),
    _COUNT,
)
MISSING_BIN = -1
UNSEEN_BIN = -2

SCORE_BINS = Fact(
    "score_bins",
    "Histogram of the score in a minute over the bins of a reference.",
    "add",
    (*_MINUTE, *_MODEL, *_columns("reference"), *_columns("bin", of=pa.int32())),
    _COUNT,
)

PREDICTIONS = Fact(
    "predictions",
    "Predictions that may still get a label; a model and prediction_id name one prediction.",
    "highest",
    _columns("model", "prediction_id"),
    (
        *_columns("time", of=TIME),
        *_columns("model_version", "prediction"),
        *_columns("predicted_value", "score", "confidence", of=pa.float64()),
        *_columns("revision", of=pa.int64()),
    ),
)

LABELS = Fact(
    "labels",
    "Labels, however late; the highest revision of a model, prediction and evaluator wins.",
    "highest",
    _columns("model", "prediction_id", "evaluator"),
    (
        *_columns("time", of=TIME),
        *_columns("label"),
        *_columns("value", "score", of=pa.float64()),
        *_columns("revision", of=pa.int64()),
    ),
)

REFERENCES = Fact(
    "references",
    "Registered references: bins, calibrator and baselines of a model, as canonical JSON; never changed.",
    "highest",
    _columns("reference"),
    (*_columns("model", "content"), *_columns("time", of=TIME), *_columns("revision", of=pa.int64())),
)

FINDINGS = Fact(
    "findings",
    "What a detector concluded at a tick, with its evidence.",
    "append",
    (*_columns("time", of=TIME), *_columns("detector"), *_MODEL),
    (
        *_columns("level"),
        *_columns("since", of=TIME),
        *_columns("snapshot", of=pa.int64()),
        *_columns("content"),
    ),
)

ACTIONS = Fact(
    "actions",
    "Decisions and their steps, one row a state.",
    "highest",
    _columns("action_id", "state"),
    (
        *_columns("time", of=TIME),
        *_columns("kind", "policy"),
        *_SERVER,
        *_MODEL,
        *_columns("to_version"),
        *_columns("snapshot", of=pa.int64()),
        *_columns("evidence", "detail"),
        *_columns("revision", of=pa.int64()),
    ),
)

OUTCOMES = Fact(
    "outcomes",
    "What actions changed.",
    "highest",
    _columns("action_id"),
    (
        *_columns("time", of=TIME),
        *_columns("state", "evidence", "detail"),
        *_columns("revision", of=pa.int64()),
    ),
)

REJECTED = Fact(
    "rejected",
    "Messages and rows that could not be taken.",
    "append",
    (*_columns("topic", "topic_id"), *_columns("partition", "offset", "row", of=pa.int64())),
    (*_columns("reason", "detail", "head"), *_columns("time", of=TIME)),
)

GAPS = Fact(
    "gaps",
    "What is known to be missing: lost events, failed scrapes, relists.",
    "append",
    (*_columns("cluster", "source", "kind"), *_columns("start", "end", of=TIME)),
    (*_columns("lost", of=pa.int64()), *_columns("detail")),
)

FACTS: dict[str, Fact] = {
    f.name: f
    for f in (
        GPU_USAGE, ALLOCATIONS, DEVICES, NETWORK_USAGE, LATENCY_BINS, PREDICTION_SUMS, FEATURE_BINS,
        SCORE_BINS, PREDICTIONS, LABELS, REFERENCES, FINDINGS, ACTIONS, OUTCOMES, REJECTED, GAPS,
    )
}  # fmt: skip


def fixed(integers: npt.NDArray[np.int64], of: pa.DataType) -> pa.Array:
    """Integers in units of the decimal type's last digit, as that type; shape (n,), no copy of meaning.

    For example 1_500_000 becomes 1.500000 of decimal(18, 6).
    """
    words = np.empty((len(integers), 2), dtype=np.int64)
    words[:, 0] = integers
    words[:, 1] = integers >> 63
    return pa.Array.from_buffers(of, len(integers), [None, pa.py_buffer(words)])
