"""Intervals of 95 % hold what they say: the truth lies in at least 93 % of 1,000 draws, by every method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from detectors.confusion import CELLS, around, counted, expected, normal, realized_intervals
from detectors.intervals import Interval
from detectors.prediction_powered import Estimate, powered, stratified
from detectors.ranking import area

DRAWS, ROWS = 1_000, 400
VALUES = {"tp": 5.0, "fp": -2.0, "fn": -7.0, "tn": 0.5}


def share(of: Callable[[np.random.Generator], tuple[Interval, float]]) -> float:
    rng = np.random.default_rng(0)
    found = [of(rng) for _ in range(DRAWS)]
    return float(np.mean([low <= truth <= high for (low, high), truth in found]))


def rows(rng: np.random.Generator, positive: float = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What calibrated scores say, how likely the class is, and whether it was true."""
    chance = rng.beta(positive, 2, ROWS)
    return chance > 0.5, chance, rng.random(ROWS) < chance


@pytest.mark.parametrize("name", ["accuracy", "precision", "recall", "specificity", "f1"])
def test_what_calibrated_scores_estimate(name: str) -> None:
    """CBPE, of the rate that labels of the same rows then show."""

    def draw(rng: np.random.Generator) -> tuple[Interval, float]:
        said, chance, true = rows(rng)
        found = expected(said, chance)
        return around(found.rates()[name], found.deviations()[name]), counted(said, true).rates()[name]

    assert share(draw) >= 0.93


@pytest.mark.parametrize("values", [*({cell: 1.0} for cell in CELLS), VALUES], ids=[*CELLS, "business value"])
def test_what_cells_of_the_confusion_are_estimated_to_be_worth(values: dict[str, float]) -> None:
    def draw(rng: np.random.Generator) -> tuple[Interval, float]:
        said, chance, true = rows(rng)
        return normal(*expected(said, chance).worth(values)), counted(said, true).worth(values)[0]

    assert share(draw) >= 0.93


@pytest.mark.parametrize("positive", [2, 0.3], ids=["half", "few"])
@pytest.mark.parametrize("name", ["accuracy", "precision", "recall", "specificity", "f1"])
def test_what_labels_show(name: str, positive: float) -> None:
    """Of the rate of all rows that could have come: the scores' distribution has it exactly."""
    rng = np.random.default_rng(1)
    chance = rng.beta(positive, 2, 1_000_000)
    truth = counted(chance > 0.5, rng.random(len(chance)) < chance).rates()[name]

    def draw(rng: np.random.Generator) -> tuple[Interval, float]:
        said, _, true = rows(rng, positive)
        return realized_intervals(counted(said, true))[name], truth

    assert share(draw) >= 0.93


def test_answers_that_are_all_right_so_far_may_still_be_wrong_later() -> None:
    """An interval of F1 from 1 to 1 would say that ten labels leave no doubt."""
    yes = np.ones(10, np.bool_)
    assert realized_intervals(counted(yes, yes))["f1"].low == pytest.approx(0.839, abs=1e-3)


@pytest.mark.parametrize("positive", [2, 0.3], ids=["half", "few"])
def test_how_well_labels_show_that_scores_are_in_order(positive: float) -> None:
    """The area under the curve: a normal interval about it missed one in six where positives are few."""
    rng = np.random.default_rng(1)
    scores = rng.beta(positive, 3, 1_000_000)
    truth = area(scores, (rng.random(len(scores)) < scores).astype(float), known=True).value

    def draw(rng: np.random.Generator) -> tuple[Interval, float]:
        some = rng.beta(positive, 3, ROWS)
        return area(some, (rng.random(ROWS) < some).astype(float), known=True).labelled_interval(), truth

    assert share(draw) >= 0.93


def test_an_order_without_a_mistake_so_far_is_not_known_to_be_perfect() -> None:
    """Ten of either class; an interval from 1 to 1 would leave no doubt."""
    said = np.arange(20.0)
    assert area(said, (said >= 10).astype(float), known=True).labelled_interval().low == pytest.approx(
        0.722, abs=1e-3
    )


@pytest.mark.parametrize("bias", [0.0, 0.15])
def test_few_labels_with_the_estimates_help(bias: float) -> None:
    """Prediction-powered, of rows of which one in four has a label; the scores may be wrong by `bias`."""

    def draw(rng: np.random.Generator) -> tuple[Interval, float]:
        chance = rng.beta(8, 2, ROWS * 4)
        right = (rng.random(len(chance)) < chance).astype(float)
        said = np.clip(chance - bias, 0, 1)
        return _interval(powered(right[:ROWS], said[:ROWS], said)), 0.8

    assert share(draw) >= 0.93


def test_labels_that_come_rather_from_some_scores() -> None:
    """Post-stratified, of all rows of given scores: unsure ones are labelled ten times as often."""

    def draw(rng: np.random.Generator) -> tuple[Interval, float]:
        strata = rng.integers(0, 5, ROWS * 8)
        chance = 0.55 + 0.1 * strata
        right = (rng.random(len(chance)) < chance).astype(float)
        known = rng.random(len(chance)) < np.where(strata < 2, 0.4, 0.04)
        found = stratified(right[known], strata[known], strata)
        assert found is not None
        return _interval(found), float(chance.mean())

    assert share(draw) >= 0.93


def _interval(estimate: Estimate) -> Interval:
    return around(estimate.value, estimate.deviation)
