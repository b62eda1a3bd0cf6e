"""Area under the ROC curve of scores, from labels or from the probabilities that stand for them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Area(NamedTuple):
    """`deviation` is the standard error; both are NaN where one of the two classes is absent."""

    value: float
    deviation: float


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
    return Area(value, float(np.sqrt(spread)))
