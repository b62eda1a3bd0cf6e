"""Means from few labels with the help of an estimate for every row, and by strata of the score."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]


class Estimate(NamedTuple):
    value: float
    deviation: float
    """Standard error."""


FEWEST = 30
"""Labels below which a variance says little."""


def powered(outcomes: Floats, expected: Floats, every: Floats) -> Estimate:
    """The mean outcome of all rows: that of the labelled ones, moved by what is expected of the others.

    `outcomes` and `expected` (m,) are of the labelled rows, `every` (n,) what is expected of all.  The weight
    of the estimate is the one of least variance, within 0 and 1, so an estimate that tells nothing does
    nothing (Angelopoulos, Duchi, Zrnic 2023).
    """
    m, n = len(outcomes), len(every)
    spread = float(np.var(expected))
    covariance = float(np.mean((outcomes - outcomes.mean()) * (expected - expected.mean())))
    weight = min(max(covariance / ((1 + m / n) * spread), 0.0), 1.0) if spread else 0.0
    value = outcomes.mean() + weight * (every.mean() - expected.mean())
    variance = np.var(outcomes - weight * expected) / m + weight**2 * np.var(every) / n
    return Estimate(float(value), float(np.sqrt(variance)))


def stratified(outcomes: Floats, strata: Integers, every: Integers) -> Estimate | None:
    """The mean outcome of all rows, where labels come rather from some scores than from others.

    `strata` (m,) are the score bins of the labelled rows and `every` (n,) those of all rows.  None where a
    bin with rows has no label.
    """
    size = int(max(strata.max(initial=0), every.max(initial=0))) + 1
    rows, labels = np.bincount(every, minlength=size), np.bincount(strata, minlength=size)
    if (labels[rows > 0] == 0).any():
        return None
    held = labels > 0
    sums, squares = (np.bincount(strata, values, minlength=size)[held] for values in (outcomes, outcomes**2))
    share, count = (rows / rows.sum())[held], labels[held]
    mean = sums / count
    variance = (share**2 * np.maximum(squares / count - mean**2, 0.0) / count).sum()
    return Estimate(float((share * mean).sum()), float(np.sqrt(variance)))
