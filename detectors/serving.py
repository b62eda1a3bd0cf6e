"""Fold of what model servers counted into minutes: an interval's counts are spread over it by time."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from detectors import minutes
from detectors.codes import text
from detectors.gpu_usage import shared, split
from detectors.references import Reference
from pipeline.facts.models import SERVING_COUNTERS

_KEYS = ("cluster", "namespace", "workload", "model", "model_version", "counter", "at_most")


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`serving` events as `serving_counters`."""
    lengths = minutes.units(minutes.floats(events.column("interval_seconds")), minutes.SECOND)
    pieces = split(minutes.microseconds(events.column("time")), lengths)
    columns = {name: text(events.column(name)).at(pieces.sample) for name in _KEYS}
    keys = minutes.Keys(minutes.minute(pieces.minute), columns)
    groups = keys.group()
    counts = minutes.units(minutes.floats(events.column("count")), 1)
    seconds = minutes.units(minutes.floats(events.column("seconds")), minutes.SECOND)
    sums = {
        "count": groups.sum(shared(counts, pieces, lengths)),
        "seconds": groups.sum(shared(seconds, pieces, lengths)),
    }
    return {SERVING_COUNTERS.name: minutes.rows(SERVING_COUNTERS, keys.of(groups.first) | sums)}
