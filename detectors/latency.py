"""Fold of inference events into latency histograms by minute, server, model version and metric."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from detectors import exponential, minutes
from detectors.references import Reference
from pipeline.facts.models import LATENCY_BINS, ZERO_BUCKET

METRICS = {
    "latency": "latency_seconds",
    "time_to_first_token": "time_to_first_token_seconds",
    "time_per_output_token": "time_per_output_token_seconds",
}
"""Name of the metric in the ledger, and the column that holds it."""

SERVER = ("cluster", "namespace", "workload", "model", "model_version")


def fold(
    events: pa.Table, references: Mapping[str, Reference], keys: minutes.Keys | None = None
) -> dict[str, pa.Table]:
    """`inference` events as `latency_bins`; a metric that an event lacks adds nothing.

    `keys` are those of the events by SERVER, where the caller has them.
    """
    keys = keys or minutes.keys(events, SERVER)
    parts = [
        _bins(metric, minutes.floats(events.column(column)), keys)
        for metric, column in METRICS.items()
        if events.column(column).null_count < events.num_rows
    ]
    return {LATENCY_BINS.name: pa.concat_tables(parts or [LATENCY_BINS.schema.empty_table()])}


def _bins(metric: str, seconds: minutes.Floats, keys: minutes.Keys) -> pa.Table:
    missing = np.isnan(seconds)
    if missing.any():
        known = np.flatnonzero(~missing)
        seconds, keys = seconds[known], keys.at(known)
    buckets = exponential.index(seconds)
    lowest = int(buckets.min(initial=0))
    if lowest == ZERO_BUCKET:
        lowest = int(buckets[buckets != ZERO_BUCKET].min(initial=0))
        codes = np.maximum(buckets - (lowest - 1), 0)  # the zero bucket is code 0
    else:
        codes = buckets - (lowest - 1)
    groups = keys.group()
    group, code, count = groups.cells(codes, int(codes.max(initial=0)) + 1)
    return minutes.rows(
        LATENCY_BINS,
        {
            **keys.of(groups.first[group]),
            "metric": pa.repeat(pa.scalar(metric), len(group)),
            "scale": np.full(len(group), exponential.SCALE),
            "bucket": np.where(code, code + (lowest - 1), ZERO_BUCKET),
            "count": count,
        },
    )
