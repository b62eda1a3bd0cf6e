"""Device minutes: what a sample says is kept to the microsecond, the microjoule and the byte-second."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors import gpu_usage
from tests.folds.fold_events import NOON, events

MINUTE = 60_000_000


def minutes_of(*samples):
    rows = gpu_usage.fold(events("gpu", *samples), {})["gpu_usage"].to_pylist()
    return sorted(rows, key=lambda r: r["minute"])


@given(
    st.lists(
        st.tuples(st.integers(10**15, 2 * 10**15), st.integers(1, 86_400 * 10**6)), min_size=1, max_size=5
    )
)
def test_no_microsecond_of_a_sample_is_lost_or_billed_twice(intervals):
    ends, lengths = (np.array(values) for values in zip(*intervals, strict=True))
    pieces = gpu_usage.split(ends, lengths)
    sums = np.zeros(len(ends), np.int64)
    np.add.at(sums, pieces.sample, pieces.length)
    assert (sums == lengths).all()
    assert (pieces.minute % MINUTE == 0).all()
    assert ((pieces.length > 0) & (pieces.length <= MINUTE)).all()
    assert pieces.is_last.sum() == len(ends)


def test_a_sample_that_ends_on_the_minute_belongs_to_the_minute_before():
    (row,) = minutes_of({"util_ratio": 1.0})
    assert row["minute"] == datetime(2026, 10, 1, 11, 59)
    assert row["busy_seconds"] == 60


def test_a_sample_across_three_minutes_gives_each_its_time():
    rows = minutes_of({"time": NOON + timedelta(seconds=10), "interval_seconds": 90.5, "util_ratio": 0.5})
    assert [r["observed_seconds"] for r in rows] == [Decimal("20.5"), 60, 10]
    assert [r["busy_seconds"] for r in rows] == [Decimal("10.25"), 30, 5]
    assert [r["active_seconds"] for r in rows] == [Decimal("20.5"), 60, 10]
    assert [r["samples"] for r in rows] == [0, 0, 1]


def test_idle_is_held_only_while_memory_is_in_use():
    held, free, busy = (
        minutes_of({"util_ratio": util, "memory_used_bytes": memory})[0]["idle_held_seconds"]
        for util, memory in ((0.0, 8e9), (0.0, 5e6), (0.1, 8e9))
    )
    assert (held, free, busy) == (60, 0, 0)


def test_unknown_utilisation_is_not_observed_and_never_idle():
    (row,) = minutes_of({"memory_used_bytes": 1e9, "power_watts": 100.0})
    assert (row["observed_seconds"], row["busy_seconds"], row["idle_held_seconds"]) == (0, 0, 0)
    assert row["memory_byte_seconds"] == 60_000_000_000
    assert row["energy_joules"] == 6_000
    assert row["samples"] == 1


def test_measured_energy_wins_over_power_and_its_parts_sum_to_it():
    rows = minutes_of(
        {"time": NOON + timedelta(seconds=7), "interval_seconds": 100.0, "energy_joules": 1000.000001,
         "power_watts": 5.0},
    )  # fmt: skip
    assert len(rows) == 3
    assert sum(r["energy_joules"] for r in rows) == Decimal("1000.000001")
    assert abs(rows[1]["energy_joules"] - 600) < 1


def test_two_devices_of_a_node_stay_apart_and_two_samples_of_one_add_up():
    half = {"interval_seconds": 30.0, "util_ratio": 1.0}
    before = {**half, "time": NOON - timedelta(seconds=30)}
    rows = minutes_of({**half, "device": "g1"}, {**before, "device": "g1"}, {**half, "device": "g2"})
    assert {r["device"]: r["busy_seconds"] for r in rows} == {"g1": 60, "g2": 30}
