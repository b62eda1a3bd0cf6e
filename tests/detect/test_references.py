"""References: built from a time when the model was right, kept as text that never changes its meaning."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import feature_bins
from detectors.calibration import _error_of_equal_counts, calibrate, expected_calibration_error
from detectors.dispersion import phi
from detectors.reference_bins import quantile_edges
from detectors.reference_build import build, over_phi
from detectors.references import FeatureBins, Reference
from pipeline.registry import register
from pipeline.store import Store
from tests.detect import judged
from tests.folds.fold_events import NOON, events
from tests.ledger import write

floats = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**60)
features = st.builds(
    FeatureBins,
    feature=st.text(),
    edges=st.none() | st.tuples(floats, floats),
    categories=st.none() | st.tuples(st.text()),
    counts=st.tuples(counts),
    missing=counts,
    unseen=counts,
    phi=floats,
)
references = st.builds(
    Reference,
    reference=st.text(),
    model=st.text(),
    positive_class=st.none() | st.text(),
    features=st.lists(features, max_size=3).map(tuple),
    score_edges=st.tuples(floats),
    score_counts=st.tuples(counts),
    calibrator_x=st.tuples(floats, floats),
    calibrator_y=st.tuples(floats, floats),
    labelled=counts,
    errors=counts,
    phi_errors=floats,
    latency_objective_seconds=st.none() | floats,
    latency_budget=floats,
)


@given(references)
def test_a_reference_survives_the_ledger_bit_for_bit(reference):
    content = reference.to_json()
    assert Reference.from_json(content) == reference
    assert Reference.from_json(content).to_json() == content


@given(references)
def test_the_identity_follows_from_the_content(reference):
    named = reference.identified()
    assert named.reference.startswith(f"{reference.model}@")
    assert replace(reference, reference="other").identified() == named
    assert replace(reference, errors=reference.errors + 1).identified().reference != named.reference


@given(references)
def test_one_that_keeps_no_rows_has_the_identity_that_it_had_before_rows_could_be_kept(reference):
    """Facts of years name it."""
    keeping = replace(reference, sample_rows=200)
    assert "sample_rows" not in reference.to_json()
    assert Reference.from_json(keeping.to_json()) == keeping
    assert keeping.identified().reference != reference.identified().reference


def test_a_number_that_is_not_finite_is_refused():
    broken = build(events("inference"), model="m")
    with pytest.raises(ValueError, match="Out of range float values"):
        replace(broken, phi_errors=float("nan")).to_json()


@given(st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=60))
def test_quantile_bins_of_repeated_values_are_never_empty_at_the_ends(values):
    edges = quantile_edges(np.array(values))
    assert list(edges) == sorted(set(edges))
    if len(set(values)) > 1:
        assert edges[-1] < max(values)
        assert edges[0] >= min(values)


def test_a_constant_feature_leaves_room_on_both_sides():
    edges = np.array(quantile_edges(np.full(9, 4.0)))
    assert np.searchsorted(edges, [3.9, 4.0, 4.1]).tolist() == [0, 1, 2]


@pytest.mark.parametrize("repeat", [1, 5])
def test_phi_is_how_often_each_event_was_repeated(repeat):
    rng = np.random.default_rng(5)
    assert phi(rng.multinomial(100, [0.1] * 10, 5_000) * repeat) == pytest.approx(repeat, rel=0.05)


def test_phi_of_one_minute_or_one_bin_is_one():
    assert phi(np.array([[5, 90]])) == 1.0
    assert phi(np.array([[5], [90]])) == 1.0
    assert phi(np.zeros((0, 2), np.int64)) == 1.0


def test_a_calibrated_score_gets_no_curve_and_a_bent_one_does():
    rng = np.random.default_rng(1)
    truth = rng.random(20_000)
    happened = rng.random(20_000) < truth
    bent = truth**3
    x, y = calibrate(bent, happened, 0)
    assert len(x) >= 2
    before = expected_calibration_error(bent, happened)
    assert expected_calibration_error(np.interp(bent, x, y), happened) < before / 4
    assert calibrate(truth[:50], np.ones(50, np.bool_), 0) == ((), ())


def test_of_equal_scores_the_rows_fall_into_bins_as_nannyml_sorts_them():
    """With scores of two digits that decides whether a curve is kept: on 3 of 14 real sets."""
    rng = np.random.default_rng(6)
    few = rng.integers(0, 100, 10_003) / 100
    happened = rng.random(10_003) < few
    order = few.argsort()
    bins = np.split((few - happened)[order], np.arange(1_000, 10_000, 1_000))
    plain = sum(abs(part.sum()) for part in bins) / 10_003
    assert _error_of_equal_counts(few, happened) == pytest.approx(plain)


def _traffic(rows: int = 2_000):
    rng = np.random.default_rng(2)
    score = rng.random(rows)
    truth = np.where(rng.random(rows) < score, "yes", "no")
    said = np.where(score > 0.5, "yes", "no")
    numbers, colours = rng.normal(size=rows), rng.choice(["red", "blue"], rows)
    times = [NOON + timedelta(seconds=i) for i in range(rows)]
    sent = [{"x": None if i % 10 == 0 else numbers[i], "colour": colours[i]} for i in range(rows)]
    answers = zip(range(rows), times, score, said, sent, strict=True)
    names = ("prediction_id", "time", "score", "prediction", "features")
    rows_of = (dict(zip(names, (f"p{i}", *rest), strict=True)) for i, *rest in answers)
    inference = events("inference", *rows_of)
    labels = events("label", *({"prediction_id": f"p{i}", "label": truth[i]} for i in range(0, rows, 2)))
    return inference, labels, int((said != truth)[::2].sum())


def test_a_reference_counts_its_own_events_as_the_fold_does():
    inference, labels, errors = _traffic()
    reference = build(inference, labels, model="m", positive_class="yes", latency_objective_seconds=0.3)
    assert (reference.labelled, reference.errors) == (1_000, errors)
    assert reference.latency_objective_seconds == 0.3
    by_name = {feature.feature: feature for feature in reference.features}
    assert (by_name["x"].missing, by_name["colour"].missing) == (200, 0)
    assert by_name["colour"].categories == ("blue", "red")
    rows = feature_bins.fold(inference, {"m": reference})["feature_bins"].to_pylist()
    for feature in reference.features:
        folded = [sum(r["count"] for r in rows if (r["feature"], r["bin"]) == (feature.feature, b))
                  for b in range(len(feature.counts))]  # fmt: skip
        assert tuple(folded) == feature.counts


def test_the_latest_revision_of_a_label_and_the_evaluation_score_decide_errors():
    inference = events("inference", *({"prediction_id": p, "prediction": "yes"} for p in "abcd"))
    labels = events(
        "label",
        {"prediction_id": "a", "label": "no", "revision": 1},
        {"prediction_id": "a", "label": "yes", "revision": 2},
        {"prediction_id": "b", "label": "no"},
        {"prediction_id": "c", "score": 0.2},
    )
    reference = build(inference, labels, model="m")
    assert (reference.labelled, reference.errors) == (3, 2)


@pytest.mark.parametrize("turned", [False, True])
def test_of_labels_with_equal_revisions_the_later_counts_whatever_its_line(turned):
    """As in the ledger: else the error rate of a reference would hang on how its file was sorted."""
    inference = events("inference", *({"prediction_id": p, "prediction": "yes"} for p in "abc"))
    later = NOON + timedelta(hours=1)
    told = [
        {"prediction_id": "a", "label": "no", "time": NOON},
        {"prediction_id": "a", "label": "yes", "time": later},
        {"prediction_id": "b", "evaluator": "one", "label": "no", "time": later},
        {"prediction_id": "b", "evaluator": "two", "label": "yes", "time": NOON},
        {"prediction_id": "c", "evaluator": "helpful/v1", "score": 0.25, "time": NOON},
        {"prediction_id": "c", "evaluator": "helpful/v1", "score": 0.85, "time": later},
    ]
    reference = build(inference, events("label", *(told[::-1] if turned else told)), model="m")
    assert (reference.labelled, reference.errors) == (3, 1)
    (judge,) = reference.evaluators
    assert judge.counts == (0, 0, 0, 0, 0, 0, 0, 0, 1, 0)


def test_slow_requests_that_come_together_are_known_to_the_reference():
    """Minutes of ten slow requests or none: as many a day, but they say less of the objective."""
    slow = [{"time": NOON + timedelta(minutes=i // 10), "latency_seconds": 2.0 if i % 100 < 10 else 0.1}
            for i in range(1_000)]  # fmt: skip
    assert build(events("inference", *slow), model="m").phi_over == 1.0
    assert build(events("inference", *slow), model="m", latency_objective_seconds=0.5).phi_over > 5
    first = [{"time": of["time"], "time_to_first_token_seconds": of["latency_seconds"]} for of in slow]
    assert over_phi(events("inference", *first), "time_to_first_token", 0.5) > 5


def test_the_same_events_always_make_the_same_reference():
    inference, labels, _ = _traffic(500)
    arguments = {"model": "m", "positive_class": "yes"}
    assert build(inference, labels, **arguments) == build(inference, labels, **arguments)


def test_columns_that_a_producer_leaves_out_are_taken_as_unknown():
    times = pa.array([NOON, NOON + timedelta(minutes=1)], pa.timestamp("us", "UTC"))
    reference = build(pa.table({"time": times}), model="m")
    assert (reference.features, reference.score_counts, reference.labelled) == ((), (), 0)


def test_a_reference_that_another_process_registers_is_in_use_at_once(tmp_path: Path) -> None:
    """A worker that knows them already must not go on with the old one, nor read all for each batch."""
    first, second = (judged.reference(reference=f"fraud@{n}", errors=n) for n in (1, 2))
    with Store.open(tmp_path) as worker:
        register(worker, first, NOON)
        mine = worker.references()
        mine.clear()
        assert worker.references()["fraud"] is worker.references()["fraud"]
        with Store.open(tmp_path) as other:
            register(other, second, NOON + timedelta(minutes=1))
            assert other.references() == {"fraud": second}
        before = worker.snapshot()
        write(worker, prediction_sums=[{"model": "fraud", "minute": datetime(2026, 11, 24), "count": 1}])
        assert worker.snapshot() > before and worker.references() == {"fraud": second}
        with Store.open(tmp_path, snapshot=before) as past:
            assert past.references() == {"fraud": second}
