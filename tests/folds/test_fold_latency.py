"""Latency histograms: OpenTelemetry's buckets, any quantile within 1.09 %."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import exponential, latency
from pipeline.facts.models import ZERO_BUCKET
from tests.folds.fold_events import events

positive = st.floats(1e-9, 1e9)


@given(st.lists(positive, min_size=1, max_size=50), st.integers(0, 8))
def test_every_value_lies_in_its_bucket(values, scale):
    for value, bucket in zip(values, exponential.index(np.array(values), scale).tolist(), strict=True):
        lower, upper = exponential.bounds(bucket, scale)
        assert lower * (1 - 1e-14) <= value <= upper * (1 + 1e-14)


def test_powers_of_two_close_their_bucket_exactly():
    exponents = np.arange(-1022, 1024)
    assert (exponential.index(2.0**exponents) == exponents * 32 - 1).all()
    above = np.nextafter(2.0 ** np.arange(-20, 20), np.inf)
    assert (exponential.index(above) == np.arange(-20, 20) * 32).all()


def test_indexes_agree_with_the_formula():
    values = np.random.default_rng(7).lognormal(0, 5, 20_000)
    assert (exponential.index(values) == np.ceil(np.log2(values) * 32) - 1).all()


def test_zero_negative_and_subnormal_values_have_their_own_bucket():
    assert (exponential.index(np.array([0.0, -0.0, -1.0, 5e-324])) == ZERO_BUCKET).all()
    assert exponential.estimate(ZERO_BUCKET) == 0.0


@given(st.lists(positive, min_size=1, max_size=200), st.sampled_from([0.0, 0.5, 0.9, 0.99, 0.999, 1.0]))
def test_any_quantile_is_within_1_09_percent(values, q):
    buckets = exponential.index(np.array(values))
    exact = sorted(values)[max(1, math.ceil(q * len(values))) - 1]
    found = exponential.quantile(buckets, np.ones(len(values), np.int64), q)
    assert abs(found / exact - 1) <= 0.0109


def test_the_quantile_of_nothing_is_not_a_number():
    assert math.isnan(exponential.quantile(np.array([], np.int64), np.array([], np.int64), 0.5))


@given(st.lists(positive, min_size=1, max_size=50), st.integers(1, 8))
def test_halving_the_resolution_equals_having_measured_at_it(values, scale):
    array = np.array(values)
    coarse = exponential.downscale(exponential.index(array, scale))
    assert (coarse == exponential.index(array, scale - 1)).all()


def test_each_metric_of_an_event_has_its_own_histogram():
    table = events(
        "inference",
        {"latency_seconds": 1.0, "time_to_first_token_seconds": 0.0},
        {"latency_seconds": 1.0},
        {"latency_seconds": 1.5, "cluster": "c"},
    )
    rows = latency.fold(table, {})["latency_bins"].to_pylist()
    found = sorted((r["metric"], r["cluster"], r["bucket"], r["count"]) for r in rows)
    assert found == [
        ("latency", "", -1, 2),
        ("latency", "c", 18, 1),
        ("time_to_first_token", "", ZERO_BUCKET, 1),
    ]
    assert {r["scale"] for r in rows} == {5}


@pytest.mark.parametrize("column", latency.METRICS.values())
def test_an_event_without_a_metric_adds_nothing_to_it(column):
    assert latency.fold(events("inference", {}), {})["latency_bins"].num_rows == 0
    assert latency.fold(events("inference", {column: 0.2}, {}), {})["latency_bins"].num_rows == 1
