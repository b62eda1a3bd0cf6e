"""What was wrong or uncertain with a GPU, by minute: errors with their code, seconds throttled or shared."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from detectors.gpu_conditions import fold
from tests.folds.fold_events import NOON, events


def told(*rows):
    found = fold(events("gpu", *rows), {})["gpu_conditions"].to_pylist()
    return {(r["minute"].minute, r["kind"], r["code"]): (r["count"], r["seconds"]) for r in found}


def test_a_healthy_gpu_has_no_row():
    """Thousands of GPUs of which nothing is to be said must not fill a table."""
    assert told({"xid": 31, "xid_errors": 0, "ecc_corrected": 0, "throttle_reasons": 0x3}, {}) == {}


def test_errors_count_in_their_minute_by_kind_and_code():
    """An operator asks which GPU had XID 79, and when."""
    half = timedelta(seconds=30)
    assert told(
        {"time": NOON, "interval_seconds": 30.0, "xid": 79, "xid_errors": 1, "ecc_uncorrected": 2},
        {"time": NOON + half, "interval_seconds": 30.0, "xid": 31, "xid_errors": 1, "rows_remapped": 1},
        {"time": NOON + half, "interval_seconds": 30.0, "xid": 31, "xid_errors": 2, "ecc_corrected": 5},
    ) == {
        (59, "xid", 79): (1, Decimal(0)),
        (59, "ecc-uncorrected", 0): (2, Decimal(0)),
        (0, "xid", 31): (3, Decimal(0)),
        (0, "rows-remapped", 0): (1, Decimal(0)),
        (0, "ecc-corrected", 0): (5, Decimal(0)),
    }


def test_a_failed_device_is_one_for_the_time_that_it_was_said():
    """What a broken card cost is its seconds, minute by minute."""
    row = {"time": NOON + timedelta(seconds=20), "interval_seconds": 30.0, "unhealthy": 1}
    assert told(row) == {(59, "unhealthy", 0): (0, Decimal(10)), (0, "unhealthy", 0): (0, Decimal(20))}


def test_throttled_and_shared_time_is_split_over_minutes_and_reasons():
    """Seconds lost to heat are seconds paid for; values that pods share are no measure of each of them."""
    row = {
        "time": NOON + timedelta(seconds=20), "interval_seconds": 30.0,
        "throttle_reasons": 0x4 | 0x40 | 0x1, "confidence": "device-duplicated",
    }  # fmt: skip
    assert told(row) == {
        (minute, kind, code): (0, Decimal(seconds))
        for minute, seconds in ((59, 10), (0, 20))
        for kind, code in (("throttled", 4), ("throttled", 64), ("shared-value", 0))
    }
