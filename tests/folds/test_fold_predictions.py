"""Prediction sums: traffic, and the confusion that CBPE expects, equal to a computation by hand."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import labels, predictions
from tests.folds.fold_events import NOON, events
from tests.folds.test_fold_feature_bins import reference

CURVE = {"calibrator_x": (0.0, 0.4, 1.0), "calibrator_y": (0.05, 0.2, 0.9)}
SUMS = ("correct", "tp", "fp", "fn", "tn")


def sums_of(table, **changes):
    (row,) = predictions.fold(table, {"m": reference(**changes)})["prediction_sums"].to_pylist()
    return row


def _curve(score: float) -> Decimal:
    (x0, x1, x2), (y0, y1, y2) = CURVE["calibrator_x"], CURVE["calibrator_y"]
    y = (
        y0 + (y1 - y0) * (score - x0) / (x1 - x0)
        if score <= x1
        else y1 + (y2 - y1) * (score - x1) / (x2 - x1)
    )
    return Decimal(round(y * 1e9)) / 10**9


scored = st.lists(
    st.tuples(st.integers(0, 1000).map(lambda n: n / 1000), st.sampled_from(["yes", "no"])), min_size=1
)


@given(scored)
def test_cbpe_sums_equal_the_plain_computation(rows):
    row = sums_of(events("inference", *({"score": s, "prediction": p} for s, p in rows)), **CURVE)
    expected = dict.fromkeys(SUMS, Decimal(0))
    for score, said in rows:
        c = _curve(score)
        yes, no = ("tp", "fp") if said == "yes" else ("fn", "tn")
        expected[yes] += c
        expected[no] += 1 - c
    expected["correct"] = expected["tp"] + expected["tn"]
    assert row["estimated_count"] == len(rows)
    for name in SUMS:
        assert abs(row[f"estimated_{name}"] - expected[name]) <= Decimal(len(rows)) / 10**9, name
    assert sum(row[f"estimated_{name}"] for name in SUMS[1:]) == len(rows)


def test_a_multiclass_model_is_estimated_by_its_confidence():
    table = events(
        "inference", {"confidence": 0.75, "score": 0.1}, {"confidence": 0.5, "prediction": "b"}, {}
    )
    row = sums_of(table, positive_class=None)
    assert (row["estimated_count"], row["estimated_correct"], row["estimated_tp"]) == (2, Decimal("1.25"), 0)


def test_without_score_prediction_or_reference_nothing_is_estimated():
    row = sums_of(events("inference", {"prediction": "yes"}, {"score": 0.9}))
    assert (row["count"], row["estimated_count"], row["estimated_correct"]) == (2, 0, 0)
    (other,) = predictions.fold(events("inference", {"score": 0.9, "prediction": "yes"}), {})[
        "prediction_sums"
    ].to_pylist()
    assert (other["reference"], other["estimated_count"]) == ("", 0)


@pytest.mark.parametrize("score", [-0.0, 1.0])
def test_scores_at_the_ends_of_the_curve_stay_on_it(score):
    row = sums_of(events("inference", {"score": score, "prediction": "yes"}), **CURVE)
    assert row["estimated_tp"] == _curve(score)


def test_traffic_sums_are_exact():
    row = sums_of(
        events(
            "inference",
            {"latency_seconds": 0.1, "tokens_in": 3, "status": "error"},
            {"latency_seconds": 0.2, "tokens_in": 2**53, "tokens_cached": 1, "status": "ok"},
            {"tokens_in": 1, "tokens_out": 5},
        )
    )
    assert row["count"] == 3
    assert row["errors"] == 1
    assert row["latency_seconds"] == Decimal("0.3")
    assert (row["tokens_in"], row["tokens_out"], row["tokens_cached"]) == (2**53 + 4, 5, 1)


def test_only_predictions_with_an_id_wait_for_a_label_and_the_latest_wins():
    table = events(
        "inference",
        {"prediction_id": "p", "prediction": "yes", "score": 0.5},
        {"prediction_id": "p", "time": NOON + timedelta(seconds=1)},
        {"prediction_id": ""},
        {},
    )
    rows = predictions.fold(table, {})["predictions"].to_pylist()
    assert [r["prediction_id"] for r in rows] == ["p", "p"]
    assert rows[1]["revision"] - rows[0]["revision"] == 1_000_000
    assert (rows[0]["prediction"], rows[0]["score"], rows[1]["prediction"]) == ("yes", 0.5, None)


def test_a_label_without_revision_or_evaluator_is_the_first_of_nobody():
    (row,) = labels.fold(events("label", {"label": "yes"}), {})["labels"].to_pylist()
    assert (row["revision"], row["evaluator"], row["label"]) == (0, "", "yes")
