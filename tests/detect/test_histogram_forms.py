"""Histograms go to OpenTelemetry and Prometheus and come back the same; strangers' come in without lies."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint

from detectors import exponential
from detectors.burn_rates import burns
from detectors.histogram_forms import Histogram, cell, of_cells, to_classic, to_native, to_otel
from tests.detect.histogram_readers import from_classic, from_native, from_otel
from tests.detect.judged import END, timed
from tests.examples import examples

cells = st.dictionaries(st.integers(-320, 480), st.integers(1, 2**40), max_size=40)
histograms = st.builds(of_cells, st.integers(-2, 5), cells, st.integers(0, 100))
at_our_scale = st.builds(of_cells, st.just(5), cells, st.integers(0, 100))


@given(histograms)
@settings(max_examples=examples(40))
def test_opentelemetry_and_native_histograms_round_trip_exactly(of: Histogram) -> None:
    """A dashboard elsewhere must show the same latency as ours."""
    as_proto = ParseDict(to_otel(of), ExponentialHistogramDataPoint())
    back: dict[str, Any] = MessageToDict(as_proto)
    assert from_otel(back) == from_otel(to_otel(of)) == of
    assert from_native(to_native(of)) == of


@given(at_our_scale)
@settings(max_examples=examples(40))
def test_classic_histograms_with_our_bounds_round_trip_exactly(of: Histogram) -> None:
    assert from_classic(to_classic(of)) == of


@given(st.lists(cells, min_size=2, max_size=2), st.integers(6, 12))
@settings(max_examples=examples(40))
def test_what_is_finer_merges_the_same_before_and_after(both: list[dict[int, int]], scale: int) -> None:
    """Downscaling is exact, so the order of merging and importing changes no count."""
    summed = {b: both[0].get(b, 0) + both[1].get(b, 0) for b in {*both[0], *both[1]}}
    parts = [of_cells(scale, part) for part in both]
    again: dict[int, int] = {}
    for part in parts:
        for bucket, count in zip(part.buckets, part.counts, strict=True):
            again[bucket] = again.get(bucket, 0) + count
    assert of_cells(scale, summed) == of_cells(5, again)


def test_native_buckets_are_numbered_by_their_upper_bound() -> None:
    """Prometheus: bucket i of schema 0 ends at 2^i; ours that holds 3 covers (2, 4]."""
    held = int(exponential.index(np.array([3.0]), 0)[0])
    native = to_native(of_cells(0, {held: 7}))
    assert (native["schema"], native["positive_span"], native["positive_delta"]) == (
        0, [{"offset": 2, "length": 1}], [7],
    )  # fmt: skip


@pytest.mark.parametrize(("above", "at_most"), [(0.0, 0.1), (0.1, 0.25), (0.25, 1.0), (2.5, inf)])
def test_a_bucket_with_other_bounds_never_understates_a_time(above: float, at_most: float) -> None:
    """The default bounds of client libraries are wide: what lies in one leaves as its upper bound."""
    scale, bucket = cell(above, at_most, False)
    low, high = exponential.bounds(bucket, scale)
    assert (low < at_most <= high * (1 + 1e-12)) if at_most < inf else low < above * 1.001 <= high * 1.001
    assert high > above


@given(st.integers(-4, 5), st.integers(-300, 300))
@settings(max_examples=examples(40))
def test_a_bucket_of_an_exponential_histogram_is_known_by_its_bounds(scale: int, bucket: int) -> None:
    """What came by a native histogram leaves by one, bucket for bucket."""
    if abs(bucket) <= 500 * 2.0**scale:
        assert cell(*exponential.bounds(bucket, scale), True) == (scale, bucket)


@pytest.mark.parametrize(("scale", "cells"), [(40, {0: 1}), (3, {0: -1})])
def test_what_is_no_histogram_is_refused(scale: int, cells: dict[int, int]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        of_cells(scale, cells)


def test_an_objective_burns_by_two_windows() -> None:
    """A short burst must not page for hours, and a slow leak must not go unseen."""
    count = np.full(4_320, 100)
    over = np.zeros(4_320, "i8")
    over[-60:] = 20
    end = np.datetime64(END, "us")
    now = burns(timed(over, count), end, 0.01)
    assert [b.firing for b in now] == [True, False, False, False]
    assert now[0].long == now[0].short == pytest.approx(20.0)
    later = burns(timed(over, count, END), end + np.timedelta64(10, "m"), 0.01)
    assert (later[0].short, later[0].firing) == (None, False)
    leak = burns(timed(np.full(4_320, 2), count), end, 0.01)
    assert [b.firing for b in leak] == [False, False, False, True]
