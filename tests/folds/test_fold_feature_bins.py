"""Feature histograms: each value in the bin that its reference means, missing and unseen told apart."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from detectors import binning, feature_bins
from detectors.references import FeatureBins, Reference
from pipeline.facts.models import MISSING_BIN, UNSEEN_BIN
from tests.folds.fold_events import events

NUMBER = FeatureBins("x", (0.0, 1.0), None, (1, 1, 1), 0, 0, 1.0)
CATEGORY = FeatureBins("x", None, ("3", "blue", "red"), (1, 1, 1), 0, 0, 1.0)


def reference(*features: FeatureBins, **changes: object) -> Reference:
    fields = {
        "reference": "m@1", "model": "m", "positive_class": "yes", "features": features,
        "score_edges": (0.5,), "score_counts": (1, 1), "calibrator_x": (), "calibrator_y": (), "labelled": 0,
        "errors": 0, "phi_errors": 1.0, "latency_objective_seconds": None, "latency_budget": 0.01,
    }  # fmt: skip
    return Reference(**{**fields, **changes})


def bins_of(feature: FeatureBins, *values: object) -> list[int]:
    """The bin of each value, one event each."""
    found = []
    for value in values:
        table = events("inference", {"features": {} if value is None else {"x": value}})
        rows = feature_bins.fold(table, {"m": reference(feature)})["feature_bins"].to_pylist()
        found += [row["bin"] for row in rows]
    return found


def test_an_edge_belongs_to_the_bin_below_it():
    assert bins_of(NUMBER, -5.0, 0.0, 0.5, 1.0, 1.1) == [0, 0, 1, 1, 2]


def test_missing_and_unreadable_numbers_are_told_apart():
    assert bins_of(NUMBER, None, float("nan"), "", "text", "0.5") == [
        MISSING_BIN, MISSING_BIN, MISSING_BIN, UNSEEN_BIN, 1,
    ]  # fmt: skip


def test_infinity_is_no_number_whichever_rows_share_its_batch():
    """A text anywhere in a batch makes the feature text there; the bin must not follow from that."""
    infinite = [float("inf"), float("-inf"), "inf", "-Infinity"]
    assert bins_of(NUMBER, *infinite) == [UNSEEN_BIN] * 4
    assert bins_of(CATEGORY, *infinite) == [UNSEEN_BIN] * 4


def test_unknown_categories_are_unseen_and_numbers_match_their_text():
    assert bins_of(CATEGORY, "blue", "red", 3.0, "green", 4.0, None) == [
        1,
        2,
        0,
        UNSEEN_BIN,
        UNSEEN_BIN,
        MISSING_BIN,
    ]


def test_a_number_is_not_the_category_that_spells_it_otherwise():
    spelled = FeatureBins("x", None, ("3.0",), (1,), 0, 0, 1.0)
    assert bins_of(spelled, "3.0", "3", 3.0) == [0, UNSEEN_BIN, UNSEEN_BIN]


@pytest.mark.parametrize("of", [pa.float32(), pa.float64(), pa.int16()])
def test_numbers_of_any_width_fall_into_the_same_bins(of):
    column = pa.chunked_array([pa.array([0, 1, None], of), pa.array([7], of)])
    for values in (binning.values(column), binning.narrow(column)):
        assert binning.assign(NUMBER, values).tolist() == [0, 1, 3, 2]


def test_many_edges_give_the_bins_that_few_edges_would():
    values = np.append(np.random.default_rng(3).normal(size=5_000), [np.nan, np.inf, -np.inf])
    edges = np.linspace(-2, 2, 500)
    many = binning.intervals(edges, values)
    few = sum(
        (binning.intervals(edges[i : i + 50], values[:-3]) for i in range(0, 500, 50)), np.zeros(5_000, int)
    )
    assert (many[:-3] == few).all()
    assert many[-3:].tolist() == [501, 500, 0]


def test_a_model_without_a_reference_gives_no_bins_and_does_not_disturb_others():
    table = events(
        "inference", {"features": {"x": 0.5}}, {"model": "other", "features": {"x": 9.0}, "score": 0.7}
    )
    facts = feature_bins.fold(table, {"m": reference(NUMBER)})
    assert [(r["model"], r["bin"], r["count"]) for r in facts["feature_bins"].to_pylist()] == [("m", 1, 1)]
    assert facts["score_bins"].num_rows == 0


def test_a_feature_that_no_event_carries_is_missing_in_all():
    table = events("inference", {"features": {"y": 1.0}}, {"features": {}})
    rows = feature_bins.fold(table, {"m": reference(NUMBER)})["feature_bins"].to_pylist()
    assert [(r["bin"], r["count"]) for r in rows] == [(MISSING_BIN, 2)]


def test_each_model_is_binned_by_its_own_reference_and_versions_stay_apart():
    wide = reference(FeatureBins("x", (100.0,), None, (1, 1), 0, 0, 1.0), reference="n@1", model="n")
    table = events(
        "inference",
        *({"model": m, "model_version": v, "features": {"x": 5.0}} for m, v in ("m1", "m2", "n1", "n1")),
    )
    rows = feature_bins.fold(table, {"m": reference(NUMBER), "n": wide})["feature_bins"].to_pylist()
    found = Counter({(r["reference"], r["model_version"], r["bin"]): r["count"] for r in rows})
    assert found == {("m@1", "1", 2): 1, ("m@1", "2", 2): 1, ("n@1", "1", 0): 2}


def test_scores_are_binned_by_score_or_confidence():
    table = events("inference", {"score": 0.5, "confidence": 0.9}, {"score": 0.6}, {})
    for positive, expected in (("yes", {0: 1, 1: 1}), (None, {1: 1})):
        rows = feature_bins.fold(table, {"m": reference(positive_class=positive)})["score_bins"].to_pylist()
        assert {r["bin"]: r["count"] for r in rows} == expected
