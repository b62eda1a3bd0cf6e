"""Calibration of scores: an isotonic curve from score to probability, kept only where it helps."""

from __future__ import annotations

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import StratifiedShuffleSplit

from detectors.codes import Mask
from detectors.minutes import Floats
from detectors.ranking import area

Curve = tuple[tuple[float, ...], tuple[float, ...]]
"""x and y of a piecewise-linear curve; empty is the identity."""

IDENTITY: Curve = ((), ())
SPLITS = 10
TEST_SHARE = 0.1
SEED = 42
PERFECT = 0.999
"""Area under the ROC curve above which scores are left as they are."""
FEWEST_OF_A_CLASS = 20
"""Below so many rows of either outcome a held-out tenth says nothing."""


def expected_calibration_error(probabilities: Floats, outcomes: Mask, bins: int = 10) -> float:
    """Mean gap of probability and frequency over equal-width bins, weighted by their rows; both (n,)."""
    codes = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    expected = np.bincount(codes, weights=probabilities, minlength=bins)
    observed = np.bincount(codes, weights=outcomes.astype(np.float64), minlength=bins)
    return float(np.abs(expected - observed).sum() / max(len(codes), 1))


def calibrate(scores: Floats, outcomes: Mask, seed: int = SEED) -> Curve:
    """The curve fitted on all rows, if curves fitted on 90 % of them lower the error on the other 10 %.

    NannyML's rule, and with its seed its splits: the held-out rows of 10 stratified splits are pooled, and
    the calibration error over 10 bins of equal counts decides.  Scores that rank almost perfectly stay as
    they are.  Scores and outcomes have shape (n,).
    """
    fewest = min(int(outcomes.sum()), int((~outcomes).sum()))
    if fewest < FEWEST_OF_A_CLASS or area(scores, outcomes.astype(np.float64), known=True).value > PERFECT:
        return IDENTITY
    splits = StratifiedShuffleSplit(SPLITS, test_size=TEST_SHARE, random_state=seed).split(scores, outcomes)
    held_out = [
        (scores[test], _fit(scores[train], outcomes[train]).predict(scores[test]), outcomes[test])
        for train, test in splits
    ]
    before, after, happened = (np.concatenate(parts) for parts in zip(*held_out, strict=True))
    if _error_of_equal_counts(before, happened) <= _error_of_equal_counts(after, happened):
        return IDENTITY
    curve = _fit(scores, outcomes)
    if len(curve.X_thresholds_) < 2:
        return IDENTITY
    return tuple(curve.X_thresholds_.tolist()), tuple(curve.y_thresholds_.tolist())


def _error_of_equal_counts(probabilities: Floats, outcomes: Mask) -> float:
    """As the expected calibration error, over ten bins with as many rows each; the last takes the rest.

    Where an edge of a bin parts rows of equal probability, their order decides: it is that in which numpy's
    usual sort leaves them, as in NannyML.  Of scores of two digits, or of a curve, which has few values, they
    are most of the rows.
    """
    order = np.argsort(probabilities)
    starts = np.arange(10) * (len(order) // 10)
    gaps = np.add.reduceat((probabilities - outcomes)[order], starts)
    return float(np.abs(gaps).sum() / len(order))


def _fit(scores: Floats, outcomes: Mask) -> IsotonicRegression:
    return IsotonicRegression(out_of_bounds="clip").fit(scores, outcomes.astype(np.float64))
