"""Exponential histograms in the forms of others: OpenTelemetry's, Prometheus' native and classic ones.

A bucket i of ours covers (base^i, base^(i+1)].  OpenTelemetry says the same with an offset; native histograms
number buckets by their upper bound, i + 1, and write spans of them with deltas.  All three are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from detectors import exponential
from pipeline.facts.models import ZERO_BUCKET

LEAST_SCALE, MOST_SCALE = -10, 20
"""What is finer than ours is brought to ours, exactly."""
MOST_BUCKETS = 100_000


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of ascending buckets without zeros; `zero` counts the values that are no more than zero."""

    scale: int
    buckets: tuple[int, ...]
    counts: tuple[int, ...]
    zero: int = 0

    @property
    def count(self) -> int:
        return sum(self.counts) + self.zero


def of_cells(scale: int, cells: Mapping[int, int], zero: int = 0) -> Histogram:
    """From counts by bucket; what is finer than our scale is brought to it.  ValueError where it is none."""
    if not LEAST_SCALE <= scale <= MOST_SCALE or len(cells) > MOST_BUCKETS:
        raise ValueError(f"a histogram of scale {scale} with {len(cells)} buckets is not read")
    if zero < 0 or min(cells.values(), default=0) < 0:
        raise ValueError("a count below zero")
    shift = max(scale - exponential.SCALE, 0)
    merged: dict[int, int] = {}
    for bucket, count in cells.items():
        if count:
            merged[bucket >> shift] = merged.get(bucket >> shift, 0) + count
    ordered = sorted(merged)
    return Histogram(scale - shift, tuple(ordered), tuple(merged[b] for b in ordered), zero)


def to_otel(of: Histogram) -> dict[str, Any]:
    """The fields of an ExponentialHistogramDataPoint in OTLP's JSON; 64-bit counts are texts there."""
    first = of.buckets[0] if of.buckets else 0
    dense = [0] * (of.buckets[-1] - first + 1 if of.buckets else 0)
    for bucket, count in zip(of.buckets, of.counts, strict=True):
        dense[bucket - first] = count
    positive = {"offset": first, "bucketCounts": [str(count) for count in dense]}
    return {"count": str(of.count), "scale": of.scale, "zeroCount": str(of.zero), "positive": positive}


def to_native(of: Histogram) -> dict[str, Any]:
    """The fields of a Prometheus histogram (io.prometheus.client.Histogram): spans and deltas of counts."""
    spans: list[dict[str, int]] = []
    deltas, last, end = [], 0, 0
    for bucket, count in zip(of.buckets, of.counts, strict=True):
        index = bucket + 1
        if spans and index == end:
            spans[-1]["length"] += 1
        else:
            spans.append({"offset": index - end, "length": 1})
        deltas.append(count - last)
        last, end = count, index + 1
    return {
        "sample_count": of.count, "schema": of.scale, "zero_threshold": 0.0, "zero_count": of.zero,
        "positive_span": spans, "positive_delta": deltas,
    }  # fmt: skip


def to_classic(of: Histogram) -> list[tuple[float, int]]:
    """(le, cumulative count) at the upper bound of every bucket that holds something, then +Inf."""
    total, rows = of.zero, [(0.0, of.zero)] if of.zero else []
    for bucket, count in zip(of.buckets, of.counts, strict=True):
        total += count
        rows.append((exponential.bounds(bucket, of.scale)[1], total))
    return [*rows, (inf, total)]


def cell(above: float, at_most: float, is_exponential: bool) -> tuple[int, int]:
    """(scale, bucket) of a bucket by its bounds in seconds: its own, or ours of its upper bound."""
    if at_most <= 0:
        return exponential.SCALE, ZERO_BUCKET
    if is_exponential and above > 0:
        scale = round(-np.log2(np.log2(at_most / above)))
        return scale, round(np.log2(above) * 2.0**scale)
    return exponential.SCALE, _bucket(at_most if at_most < inf else float(np.nextafter(above, inf)) * 1.0001)


def _bucket(value: float) -> int:
    """The bucket of a bound, which was rounded to a float: a hair above ours is ours."""
    return int(exponential.index(np.array([value * (1 - 1e-12)]))[0])
