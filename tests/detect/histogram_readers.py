"""What is written in the form of others, read back: by the receiver's code, or as the format's text says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf
from typing import Any

import numpy as np

from collectors.live.inference import metrics as otlp
from detectors import exponential
from detectors.histogram_forms import Histogram, of_cells


def from_otel(point: Mapping[str, Any]) -> Histogram:
    """As the receiver reads a point of an exponential histogram."""
    data = {"exponentialHistogram": {"aggregationTemporality": 1, "dataPoints": [point]}}
    export = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "x", **data}]}]}]}
    ((_, (read,)),) = otlp.metrics(json.dumps(export).encode(), True)
    found = otlp.histogram(read, 1.0)
    return of_cells(found.scale or 0, found.cells, found.zero)


def from_native(native: Mapping[str, Any]) -> Histogram:
    """io.prometheus.client.Histogram: spans from the end of the one before, deltas from the count before."""
    counts = iter(np.cumsum(native["positive_delta"], dtype=np.int64).tolist())
    cells, index = {}, 0
    for span in native["positive_span"]:
        index += span["offset"]
        for _ in range(span["length"]):
            cells[index - 1] = next(counts)  # numbered by the upper bound
            index += 1
    return of_cells(native["schema"], cells, native["zero_count"])


def from_classic(rows: Sequence[tuple[float, int]]) -> Histogram:
    """Cumulative counts by upper bounds that are ours."""
    ordered = sorted([(-inf, 0), *rows])
    assert ordered[-1] == (inf, ordered[-2][1]), "no value lies above the last bound"
    counts = {high: upto - before for (_, before), (high, upto) in pairwise(ordered[:-1])}
    zero = counts.pop(0.0, 0)
    # A bound was rounded to a float: a hair above ours is ours.
    places = exponential.index(np.array(list(counts)) * (1 - 1e-12)).tolist()
    return of_cells(exponential.SCALE, dict(zip(places, counts.values(), strict=True)), zero)
