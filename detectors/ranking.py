"""Area under the ROC curve of scores, from labels or from the probabilities that stand for them."""

from __future__ import annotations

from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from detectors.intervals import Interval, wilson

Floats = npt.NDArray[np.float64]


class Area(NamedTuple):
    """`deviation` is the standard error; both are NaN where one of the two classes is absent."""

    value: float
    deviation: float
    fewest: float = np.nan
    """Rows of the rarer class."""

    def labelled_interval(self, confidence: float = 0.95) -> Interval:
        """By the area's logit (Pepe 2003, 5.2), whose error is nearer to normal where few are put wrong.

        Where none is, or the rarer class has one row, nothing tells the spread: then as many pairs as that
        class has rows are counted, as of a rate.
        """
        spread = self.value * (1 - self.value)
        if self.fewest < 2 or not self.deviation or spread <= 0:
            return wilson(self.value * int(self.fewest), int(self.fewest), confidence)
        corrected = self.deviation * sqrt(self.fewest / (self.fewest - 1))
        half = float(ndtri((1 + confidence) / 2)) * corrected / spread
        at = log(self.value / (1 - self.value))
        return Interval(1 / (1 + exp(half - at)), 1 / (1 + exp(-half - at)))


def area(scores: Floats, probability: Floats, *, known: bool) -> Area:
    """The share of pairs of a positive and a negative that the scores put in order; equal scores count half.

    Row i is positive with `probability[i]`, which is 0 or 1 where labels are `known`; both have shape (n,).
    The standard error is DeLong's with labels; without, what chance makes of labels drawn with the
    probabilities.  Either is a sum over rows of what the row changes in the area.
    """
    other = 1 - probability
    positives, negatives = float(probability.sum()), float(other.sum())
    if positives <= 0 or negatives <= 0:
        return Area(np.nan, np.nan)
    _, codes = np.unique(scores, return_inverse=True)
    up, down = np.bincount(codes, probability), np.bincount(codes, other)
    beaten = (np.cumsum(down) - down / 2) / negatives
    beating = (positives - np.cumsum(up) + up / 2) / positives
    value = float((up * beaten).sum() / positives)
    if known:
        spread = (up * (beaten - value) ** 2).sum() / positives**2
        spread += (down * (beating - value) ** 2).sum() / negatives**2
    else:
        change = (beaten - value)[codes] / positives - (beating - value)[codes] / negatives
        spread = (probability * other * change**2).sum()
    return Area(value, float(np.sqrt(spread)), min(positives, negatives))
