"""What few labels tell of all rows: with the estimate's help, weighted by score, and the estimate's audit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from detectors.adwin import flagged
from detectors.confusion import around
from detectors.estimate_audit import log_wealth, rejected
from detectors.minutes import Floats
from detectors.prediction_powered import FEWEST, Estimate, powered, stratified
from detectors.ranks import ranks
from pipeline.evaluate import classes, losses
from pipeline.evaluate.fitted import Fitted, is_labelled, stratum_scores
from pipeline.evaluate.row import Row, row
from pipeline.evaluate.sample import Sample


class Outcomes(NamedTuple):
    """Of each row: 1 for right and 0 for wrong, or the absolute loss of a regression."""

    metric: str
    happened: Floats
    """NaN without a label."""
    expected: Floats
    """NaN where nothing is estimated."""
    strata: Floats
    most: float


def outcomes(sample: Sample, fitted: Fitted) -> Outcomes | None:
    """None where the file has no prediction."""
    if sample.predicted is not None:
        actual = np.full(sample.rows, np.nan) if sample.actual is None else sample.actual
        happened = np.abs(sample.predicted - actual)
        expected = losses.expected(sample, fitted)
        return Outcomes("mae", happened, expected, np.full(sample.rows, np.nan), np.inf)
    answers = classes.said(sample, fitted)
    if answers is None or sample.prediction is None:
        return None
    said = ~sample.prediction.equals("")
    known = is_labelled(sample) & said
    happened = np.where(known, classes.is_right(sample, fitted), np.nan)
    probability = classes.probabilities(sample, fitted)
    expected = np.full(sample.rows, np.nan)
    if probability is not None:
        expected = np.where(said, classes.confidence(answers, probability), np.nan)
    return Outcomes("accuracy", happened, expected, stratum_scores(sample), 1.0)


def rows(found: Outcomes, fitted: Fitted) -> Iterator[Row]:
    """Nothing where no row has a label, where all have one, or fewer than FEWEST do."""
    labelled = np.isfinite(found.happened)
    if labelled.all() or labelled.sum() < FEWEST:
        return
    both = labelled & np.isfinite(found.expected)
    if both.sum() >= FEWEST:
        every = found.expected[np.isfinite(found.expected)]
        yield _row(found, "prediction_powered", powered(found.happened[both], found.expected[both], every))
    scored = np.isfinite(found.strata)
    if (both := labelled & scored).sum() >= FEWEST:
        bins = ranks(fitted.strata, found.strata)
        weighted = stratified(found.happened[both], bins[both], bins[scored])
        if weighted is not None:
            yield _row(found, "post_stratified", weighted)


def _row(found: Outcomes, method: str, estimate: Estimate) -> Row:
    interval = around(estimate.value, estimate.deviation, most=found.most)
    count = int(np.isfinite(found.happened).sum())
    return row("accuracy", "", found.metric, method, estimate.value, count, interval)


def rises(found: Outcomes) -> np.ndarray:
    """(n,): the rows at which ADWIN finds that errors, or losses, have risen; only labelled rows count."""
    labelled = np.flatnonzero(np.isfinite(found.happened))
    happened = found.happened[labelled]
    risen = np.zeros(len(found.happened), np.bool_)
    risen[labelled] = flagged(happened if found.metric == "mae" else 1.0 - happened)
    return risen


def audit(found: Outcomes, fitted: Fitted, phi: float = 1.0) -> tuple[Floats, np.ndarray]:
    """ln of the evidence against the estimate after each row, and whether it is rejected by then.

    `phi` is the overdispersion of the reference's errors.
    """
    largest = fitted.largest_loss if found.metric == "mae" else 1.0
    if largest <= 0:
        return np.zeros(len(found.happened)), np.zeros(len(found.happened), np.bool_)
    happened, expected = (np.minimum(of, largest) / largest for of in (found.happened, found.expected))
    evidence = log_wealth(happened - expected, phi)
    return evidence, rejected(evidence)
