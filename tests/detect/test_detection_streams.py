"""The simulation behind docs/detection.md, small: unchanged traffic is left alone, changed traffic is not."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import distances
from tests.bench.detection import claims, delays, false_alarms, ours, streams, windows


def test_unchanged_traffic_of_every_kind_is_not_acted_on() -> None:
    """A pager that rings for nothing is switched off."""
    errors = list(false_alarms.of_errors(12, minutes=2 * streams.DAY))
    features = list(false_alarms.of_features(2, features=2, minutes=streams.DAY))
    ruled = [row for row in errors + features if "act" in row]
    assert {row["traffic"] for row in ruled} == set(streams.KINDS)
    assert max(float(str(row["act"])) for row in ruled) == 0.0
    assert np.mean([float(str(row["alarm"])) for row in errors]) < 0.05


def test_the_night_is_no_drift_to_a_reference_that_knows_it() -> None:
    known, blind = false_alarms.of_rhythm(1, minutes=2 * streams.DAY)
    assert (known["alarm"], blind["alarm"]) == (0.0, 1.0)


def test_many_segments_that_do_not_change_are_left_alone() -> None:
    rows = list(false_alarms.of_segments(2, minutes=streams.DAY))
    assert {row["traffic"] for row in rows} == set(streams.KINDS)
    assert {(row["alarm"], row["act"]) for row in rows} == {(0.0, 0.0)}


def test_one_segment_of_many_that_gets_worse_is_enough_for_an_act() -> None:
    rng = np.random.default_rng(1)
    known, seen = (streams.errors("independent", 0.1, streams.DAY, 20, rng) for _ in range(2))
    worse = streams.errors("independent", 0.2, streams.DAY, 1, rng)
    seen.hits[:, :1] = worse.hits
    assert ours.of_segments(known, seen)[-1] >= ours.P.log_act


def test_requests_that_use_their_budget_up_are_left_alone() -> None:
    rows = list(false_alarms.of_objective(12, minutes=2 * streams.DAY))
    assert {row["traffic"] for row in rows} == set(streams.KINDS)
    assert {row["alarm"] for row in rows} == {0.0}


def test_a_canary_is_called_for_its_own_errors_only() -> None:
    """The minutes of both waver together: a bad hour of the whole service is no fault of the canary."""
    rows = list(false_alarms.of_canary(2, minutes=streams.DAY))
    assert {row["traffic"] for row in rows} == set(streams.KINDS)
    assert {row["act"] for row in rows} == {0.0}
    rng = np.random.default_rng(1)
    known, whole = (streams.errors("overdispersed", 0.1, streams.DAY, 1, rng) for _ in range(2))
    seen, stable = streams.split("overdispersed", whole, rng)
    worse = streams.Errors(seen.count, np.minimum(seen.count, 4 * seen.hits))
    assert ours.of_canary(known, worse, stable)[-1, 0] >= ours.P.log_act


def test_a_page_that_does_not_show_what_it_must_is_said_to() -> None:
    """`make bench` fails by it: a claim that no longer holds must not stand beside its own numbers."""
    fitted = f"{claims.FITTED}ADWIN"
    quiet = {"traffic": "t", "rule": "r", "alarm": 0.01, "asked_at_most": 0.01, "act": 0.0, "streams": 200}
    null = "errors that do not change"
    good = {
        **{name: [quiet] for name in claims.NULLS},
        "other": [{"traffic": "t", "rule": "r", "alarm": 0.5, "asked_at_most": "", "act": 0.0}],
        "errors that rise": [
            {"rule": fitted, "change": 0.12, "median_minutes": 41.0},
            {"rule": "ADWIN", "change": 0.12, "median_minutes": 41.0},
        ],
        "flights": [
            {"month": 3, "accuracy": 0.7, "estimated_accuracy": 0.8, "days_estimate_rejected": 1},
            {"month": 4, "accuracy": 0.8, "estimated_accuracy": 0.8, "days_estimate_rejected": 0},
        ],
        "estimates on other data": [
            {"data": "d", "period": "p", "wrong_by": 0.1, "estimate": "invalid"},
            {"data": "d", "period": "q", "wrong_by": 0.01, "estimate": "ok"},
        ],
    }
    assert list(claims.broken(good)) == []
    for table, at, wrong in (
        (null, 0, {"alarm": 0.02}),
        (null, 0, {"act": 0.005}),
        (null, 0, {"streams": 199}),
        (null, 0, {"asked_at_most": ""}),
        ("errors that rise", 0, {"median_minutes": "never"}),
        ("flights", 0, {"days_estimate_rejected": 0}),
        ("estimates on other data", 0, {"estimate": "ok"}),
        ("estimates on other data", 1, {"estimate": "invalid"}),
    ):
        rows = [row | (wrong if place == at else {}) for place, row in enumerate(good[table])]
        assert len(list(claims.broken(good | {table: rows}))) == 1, wrong
    for name in claims.NULLS:
        assert len(list(claims.broken({n: rows for n, rows in good.items() if n != name}))) == 1, name


def test_a_rate_that_wavers_is_what_it_says(recwarn: pytest.WarningsRecorder) -> None:
    """The clustered kinds vary five times as much, else the page would show nothing."""
    rng = np.random.default_rng(0)
    for kind, spread in (("independent", 1), ("overdispersed", 5), ("repeated", 5)):
        found = streams.errors(kind, 0.1, 4_000, 1, rng)
        assert found.hits.var() / (100 * 0.1 * 0.9) == pytest.approx(spread, rel=0.15)


def test_a_shift_is_seen_before_the_usual_window_is_full() -> None:
    rows = {str(r["rule"]): r["median_minutes"] for r in delays.of_features(3, ["mean + 0.5 sd"])}
    assert float(str(rows["e-detector, rho 0.005, warn"])) < 6
    assert float(str(rows["PSI > 0.1 of the last hour"])) > 20


def test_the_rules_it_is_compared_with_are_the_published_ones() -> None:
    """A comparison with a straw man would be worth nothing."""
    rng = np.random.default_rng(1)
    known, seen = rng.integers(50, 200, 10), rng.integers(50, 200, (3, 10))
    for row, psi, p_value in zip(
        seen,
        windows.psi(known.astype(float), seen.astype(float)),
        windows.chi_squared(known.astype(float), seen.astype(float)),
        strict=True,
    ):
        assert psi == pytest.approx(distances.psi(known, row))
        assert p_value == pytest.approx(distances.chi2(known, row).p_value)


def test_streams_side_by_side_are_judged_as_each_alone() -> None:
    rng = np.random.default_rng(2)
    known, seen = (streams.errors("independent", 0.1, 200, 3, rng) for _ in range(2))
    alone = [
        ours.of_errors(ours._at(known, np.array([i])), ours._at(seen, np.array([i])), 0.0) for i in range(3)
    ]
    np.testing.assert_array_equal(ours.of_errors(known, seen, 0.0), np.hstack(alone))
