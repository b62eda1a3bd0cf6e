"""The audit of the estimate is one test a week, however often one looks and however late labels come."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from detectors import estimate
from detectors.estimate_audit import gains, log_mix, log_wealth, rejected
from detectors.finding import Finding
from detectors.parameters import Parameters
from tests.detect.judged import END, reference, subject, times

P = Parameters()


def said(right: list[int], told: pa.Array, made: pa.Array) -> pa.Table:
    """Ten labels a row, of predictions that said 0.9."""
    size = len(right)
    return pa.table(
        {
            "minute": made,
            "told": told,
            "right": np.array(right),
            "count": np.full(size, 10),
            "score": np.full(size, 0.9),
            "positive": np.ones(size, np.bool_),
        }
    )


def verdict(minutes: pa.Table) -> Finding:
    return estimate.judge(minutes, subject(reference()), P)


def test_an_estimate_that_becomes_wrong_in_mid_file_is_found() -> None:
    """Six points, after twice as many rows in which it was right: what bets lost there hid it to the end."""
    happened = np.random.default_rng(0).random(13_000) < np.repeat([0.8, 0.74], [9_000, 4_000])
    found = rejected(log_wealth(happened - 0.8))
    assert not found[:9_000].any() and found[-1]
    assert not rejected(log_mix(np.cumsum(gains(happened - 0.8), axis=1)))[-1], (
        "by bets from the first row on"
    )


def test_a_week_of_bets_finds_what_begins_on_monday_sooner_than_in_its_middle() -> None:
    """As docs/detection.md says: who waits for the audit must know that it is slow from a Thursday on."""
    rng = np.random.default_rng(0)

    def labels(week: int, right: float) -> float:
        """From the change on until it is rejected, the median of 40 weeks; infinite is the week after."""
        found = []
        for _ in range(40):
            happened = rng.random(week) < np.where(np.arange(week) < week * right, 0.9, 0.8)
            told = np.flatnonzero(log_mix(np.cumsum(gains(happened - 0.9), axis=1)) >= estimate.LOG_BAR)
            found.append(told[0] - week * right if len(told) else np.inf)
        return float(np.median(found))

    assert 300 < labels(10_000, 0.0) < 500
    assert 2_200 < labels(10_000, 0.5) < 3_000
    assert labels(1_000, 0.0) < 500 and labels(1_000, 0.5) == np.inf


def test_an_estimate_as_wrong_as_is_tolerated_is_rejected_in_one_file_of_a_hundred() -> None:
    """However often one looks: of 400 files at most 8 by chance, where one in a hundred is promised."""
    happened = np.random.default_rng(1).random((400, 1_000)) < 0.78
    assert sum(rejected(log_wealth(one - 0.8))[-1] for one in happened) <= 8


def test_repeated_rows_are_no_more_evidence_than_one_of_them() -> None:
    """A client sends each prediction five times: taken as news, 9 to 16 % of right files are rejected."""
    happened = np.repeat(np.random.default_rng(0).random((60, 400)) < 0.9, 5, axis=1)
    assert sum(rejected(log_wealth(one - 0.9))[-1] for one in happened) >= 3
    assert not any(rejected(log_wealth(one - 0.9, phi=5.0))[-1] for one in happened)
    assert log_wealth(happened[0] - 0.9, phi=5.0)[-1] == pytest.approx(log_wealth(happened[0][::5] - 0.9)[-1])


def test_a_week_in_which_each_event_came_five_times_is_as_right_as_one_in_which_it_came_once() -> None:
    """Taken as news, 7 % of right weeks would be invalid for good; the reference tells how errors cluster."""
    happened = np.random.default_rng(3).random((60, 400)) < 0.9
    made = times(400)

    def invalid(phi: float) -> int:
        known = subject(reference(phi_errors=phi))
        weeks = [said(one.astype(int).tolist(), made, made) for one in happened]
        return sum(estimate.judge(one, known, P).level == "invalid" for one in weeks)

    assert invalid(10.0) == 0 < invalid(1.0)


def test_labels_that_come_late_for_early_minutes_take_no_rejection_back() -> None:
    """They are the newest word, not the first: in the order of predictions they would hide what was found."""
    minutes = times(40)
    early, late = minutes.slice(0, 20), minutes.slice(20)
    rejected = verdict(said([0] * 20, told=late, made=late))
    assert rejected.level == "invalid"
    since = pa.array([END + timedelta(hours=1)] * 20, pa.timestamp("us"))
    both = pa.concat_tables([said([1] * 20, told=since, made=early), said([0] * 20, told=late, made=late)])
    found = verdict(both)
    assert (found.level, found.since) == ("invalid", rejected.since)
    assert found.log_evidence == rejected.log_evidence


def test_a_week_is_one_test_whichever_minute_it_is_looked_at() -> None:
    """A window that slides would be a new test every minute, and find what is not there sooner or later."""
    monday = estimate.window_start(END, P) + timedelta(days=7)
    assert monday.weekday() == 0
    assert monday <= END < monday + timedelta(days=7)
    assert estimate.window_start(END + timedelta(minutes=1), P) == estimate.window_start(END, P)
    before = pa.array([monday - timedelta(minutes=20 - i) for i in range(20)], pa.timestamp("us"))
    after = pa.array([monday + timedelta(minutes=i) for i in range(20)], pa.timestamp("us"))
    half = [1] * 14 + [0] * 6
    alone = max(verdict(said(half, at, at)).log_evidence for at in (before, after))
    both = verdict(pa.concat_tables([said(half, at, at) for at in (before, after)]))
    assert both.log_evidence == alone


def test_a_right_estimate_is_rarely_found_invalid_by_a_judge_that_looks_all_the_time() -> None:
    """At most 1 % of weeks; the evidence is the highest so far, so one look at the end is every look."""
    rng, minutes = np.random.default_rng(0), times(300)
    weeks = [said(rng.binomial(1, 0.9, 300).tolist(), minutes, minutes) for _ in range(300)]
    found = [verdict(week.set_column(3, "count", pa.array(np.ones(300, "i8")))).level for week in weeks]
    assert found.count("invalid") <= 3
