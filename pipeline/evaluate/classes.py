"""How right the classes of a chunk are: by its labels, and by what the calibrated scores expect."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detectors.calibration import expected_calibration_error
from detectors.codes import Mask, same
from detectors.confusion import (
    CELLS,
    RATES,
    Confusion,
    around,
    counted,
    expected,
    normal,
    realized_intervals,
)
from detectors.intervals import Interval, wilson
from detectors.minutes import Floats
from detectors.ranking import Area, area
from pipeline.evaluate.columns import Columns
from pipeline.evaluate.fitted import Fitted, is_labelled, truth
from pipeline.evaluate.row import Row, row
from pipeline.evaluate.sample import Sample


def said(sample: Sample, fitted: Fitted) -> Mask | None:
    """(n, K): which class each row's prediction says."""
    if sample.prediction is None:
        return None
    return np.stack([sample.prediction.equals(name) for name in fitted.problem.classes], axis=1)


def realized(sample: Sample, fitted: Fitted, columns: Columns) -> Iterator[Row]:
    """Of the labelled rows."""
    labelled = is_labelled(sample)
    if not labelled.any():
        return
    happened = truth(sample, fitted.problem)
    answers = said(sample, fitted)
    if answers is not None and sample.prediction is not None:
        rows = labelled & ~sample.prediction.equals("")
        each = [counted(a, t) for a, t in zip(answers[rows].T, happened[rows].T, strict=True)]
        if rows.any():
            right = is_right(sample, fitted)[rows]
            accuracy = float(right.mean()), wilson(int(right.sum()), len(right))
            yield from _rates(each, accuracy, "realized", int(rows.sum()), columns)
    if sample.scores is not None:
        rows = labelled & ~np.isnan(sample.scores).any(axis=1)
        if rows.any():
            yield from _scored(sample.scores[rows], happened[rows])


def is_right(sample: Sample, fitted: Fitted) -> Mask:
    """Whether prediction and label agree, (n,); false where one of them is missing."""
    if sample.prediction is None or sample.label is None:
        return np.zeros(sample.rows, np.bool_)
    if fitted.problem.positive is not None:
        agree = sample.prediction.equals(fitted.problem.positive) == sample.label.equals(
            fitted.problem.positive
        )
    else:
        agree = same(sample.prediction, sample.label)
    return np.asarray(agree & ~sample.prediction.equals("") & ~sample.label.equals(""))


def _scored(scores: Floats, happened: Mask) -> Iterator[Row]:
    """Metrics of labelled rows that need a score."""
    count = len(scores)
    true = happened.astype(np.float64)
    yield _area([area(s, t, known=True) for s, t in zip(scores.T, true.T, strict=True)], "realized", count)
    squared = ((scores - true) ** 2).sum(axis=1)
    spread = around(float(squared.mean()), float(squared.std() / np.sqrt(count)), most=2.0)
    yield row("accuracy", "", "brier_score", "realized", float(squared.mean()), count, spread)
    errors = [expected_calibration_error(s, t) for s, t in zip(scores.T, happened.T, strict=True)]
    yield row("accuracy", "", "calibration_error", "realized", float(np.mean(errors)), count)


def estimated(sample: Sample, fitted: Fitted, columns: Columns) -> Iterator[Row]:
    """Of all rows with a score, as if each calibrated score were a share of right labels (CBPE)."""
    found = probabilities(sample, fitted)
    if found is None or sample.scores is None:
        return
    scored = ~np.isnan(found).any(axis=1)
    if scored.any():
        pairs = zip(sample.scores[scored].T, found[scored].T, strict=True)
        areas = [area(s, p, known=False) for s, p in pairs]
        yield _area(areas, "estimated", int(scored.sum()))
    answers = said(sample, fitted)
    if answers is None or sample.prediction is None:
        return
    rows = scored & ~sample.prediction.equals("")
    if rows.any():
        right = confidence(answers[rows], found[rows])
        deviation = float(np.sqrt((right * (1 - right)).sum()) / len(right))
        value = float(right.mean())
        each = [expected(a, p) for a, p in zip(answers[rows].T, found[rows].T, strict=True)]
        yield from _rates(each, (value, around(value, deviation)), "estimated", int(rows.sum()), columns)


def probabilities(sample: Sample, fitted: Fitted) -> Floats | None:
    """(n, K) calibrated; None where there are no scores or no curve for them."""
    if sample.scores is None or fitted.calibration is None:
        return None
    return fitted.calibration.probabilities(sample.scores)


def confidence(answers: Mask, probability: Floats) -> Floats:
    """Chance that each row's answer is right, (n,)."""
    if answers.shape[1] == 1:
        return np.where(answers[:, 0], probability[:, 0], 1 - probability[:, 0])
    return np.asarray((answers * probability).max(axis=1))


def _rates(
    each: list[Confusion],
    accuracy: tuple[float, Interval],
    method: str,
    count: int,
    columns: Columns,
) -> Iterator[Row]:
    """Of one class, or the mean of the classes' with an interval at least as wide as its own."""
    yield row("accuracy", "", "accuracy", method, accuracy[0], count, accuracy[1])
    for name in RATES[1:]:
        value = float(np.mean([c.rates()[name] for c in each]))
        interval = None
        if np.isfinite(value) and method == "realized":
            low, high = np.mean([realized_intervals(c)[name] for c in each], axis=0).tolist()
            interval = Interval(low, high)
        elif np.isfinite(value):
            interval = around(value, float(np.mean([c.deviations()[name] for c in each])))
        yield row("accuracy", "", name, method, value, count, interval)
    if len(each) > 1:
        return
    # What labels count is exact; how far an expected number may be off is known of its variance.
    for cell in CELLS:
        number, deviation = each[0].worth({cell: 1.0})
        interval = around(number, deviation, most=float(count)) if method == "estimated" else None
        yield row("accuracy", "", cell, method, number, count, interval)
    if columns.values:
        worth, deviation = each[0].worth(dict(columns.values))
        interval = normal(worth, deviation) if method == "estimated" else None
        yield row("accuracy", "", "business_value", method, worth, count, interval)


def _area(areas: list[Area], method: str, count: int) -> Row:
    value = float(np.mean([a.value for a in areas]))
    deviation = float(np.mean([a.deviation for a in areas]))
    interval = None
    if np.isfinite(value) and method == "realized":
        interval = Area(value, deviation, min(a.fewest for a in areas)).labelled_interval()
    elif np.isfinite(value):
        interval = around(value, deviation)
    return row("accuracy", "", "roc_auc", method, value, count, interval)
