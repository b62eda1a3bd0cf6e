"""Fold of what model servers counted into minutes: an interval's counts are spread over it by time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors import minutes
from detectors.codes import Integers, text
from detectors.gpu_usage import Pieces, shared, split
from detectors.minutes import Floats
from detectors.references import Reference
from pipeline.facts.models import LATENCY_COUNTS, SERVING_COUNTERS

_SERVER = ("cluster", "namespace", "workload", "model", "model_version", "counter")


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`serving` events as `serving_counters`, and buckets of times as `latency_counts`."""
    is_bucket = pc.is_valid(events.column("histogram"))
    return {
        SERVING_COUNTERS.name: _counters(events.filter(pc.invert(is_bucket))),
        LATENCY_COUNTS.name: _buckets(events.filter(is_bucket)),
    }


def _counters(events: pa.Table) -> pa.Table:
    pieces, lengths, keys = _pieces(events, "at_most")
    groups = keys.group()
    counts = minutes.units(minutes.floats(events.column("count")), 1)
    seconds = minutes.units(minutes.floats(events.column("seconds")), minutes.SECOND)
    sums = {
        "count": groups.sum(shared(counts, pieces, lengths)),
        "seconds": groups.sum(shared(seconds, pieces, lengths)),
    }
    return minutes.rows(SERVING_COUNTERS, keys.of(groups.first) | sums)


def _buckets(events: pa.Table) -> pa.Table:
    """Each bucket on its own: a part of a minute never holds less than nothing."""
    if not events.num_rows:
        return LATENCY_COUNTS.schema.empty_table()
    pieces, lengths, keys = _pieces(events, "histogram")
    above = _bounds(events, "bucket_above_seconds", 0.0)
    at_most = _bounds(events, "bucket_at_most_seconds", np.inf)
    distinct, codes = np.unique(np.stack([above, at_most]), axis=1, return_inverse=True)
    groups = keys.group((codes.ravel()[pieces.sample], distinct.shape[1]))
    counts = groups.sum(shared(minutes.units(minutes.floats(events.column("count")), 1), pieces, lengths))
    held = groups.first[counts > 0]
    bucket = codes.ravel()[pieces.sample[held]]
    columns = keys.of(held)
    columns["metric"] = columns.pop("counter")
    bounds = {
        "above_seconds": pa.array(distinct[0, bucket]),
        "at_most_seconds": pa.array(distinct[1, bucket]),
    }
    return minutes.rows(LATENCY_COUNTS, columns | bounds | {"count": counts[counts > 0]})


def _bounds(events: pa.Table, name: str, absent: float) -> Floats:
    found = minutes.floats(events.column(name))
    return np.where(np.isnan(found), absent, found)


def _pieces(events: pa.Table, last_key: str) -> tuple[Pieces, Integers, minutes.Keys]:
    lengths = minutes.units(minutes.floats(events.column("interval_seconds")), minutes.SECOND)
    pieces = split(minutes.microseconds(events.column("time")), lengths)
    columns = {name: text(events.column(name)).at(pieces.sample) for name in (*_SERVER, last_key)}
    return pieces, lengths, minutes.Keys(minutes.minute(pieces.minute), columns)
