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
    same = np.ones(len(outcomes))
    return weighted(outcomes, expected, same, float(every.mean()), len(every), float(np.var(every)))


def weighted(
    outcomes: Floats, expected: Floats, count: Floats, mean: float, rows: int, variance: float | None = None
) -> Estimate:
    """The same where row i stands for `count[i]` labelled ones, from what is expected of all rows in sum.

    `mean` and `variance` are of all `rows`; without a variance that of the labelled ones stands in.
    """
    m = count.sum()
    share = count / m
    right, said = float(share @ outcomes), float(share @ expected)
    spread = float(share @ (expected - said) ** 2)
    covariance = float(share @ ((outcomes - right) * (expected - said)))
    weight = min(max(covariance / ((1 + m / rows) * spread), 0.0), 1.0) if spread else 0.0
    left = outcomes - weight * expected
    own = float(share @ (left - share @ left) ** 2) / m
    other = weight**2 * (spread if variance is None else variance) / rows
    return Estimate(right + weight * (mean - said), float(np.sqrt(own + other)))


def stratified(outcomes: Floats, strata: Integers, every: Integers) -> Estimate | None:
    """The mean outcome of all rows, where labels come rather from some scores than from others.

    `strata` (m,) are the score bins of the labelled rows and `every` (n,) those of all rows.  None where a
    bin with rows has no label.
    """
    return by_strata(outcomes, strata, np.ones(len(strata)), np.bincount(every))


def by_strata(outcomes: Floats, strata: Integers, counts: Floats, rows: Integers) -> Estimate | None:
    """The same where outcome i stands for `counts[i]` labelled rows, of `rows` (S,) in each stratum."""
    size = max(int(strata.max(initial=0)) + 1, len(rows))
    rows = np.pad(rows, (0, size - len(rows)))
    labels = np.bincount(strata, counts, minlength=size)
    if (labels[rows > 0] == 0).any() or not rows.any():
        return None
    held = labels > 0
    weighed = (counts * outcomes, counts * outcomes**2)
    sums, squares = (np.bincount(strata, values, minlength=size)[held] for values in weighed)
    share, count = (rows / rows.sum())[held], labels[held]
    mean = sums / count
    variance = (share**2 * np.maximum(squares / count - mean**2, 0.0) / count).sum()
    return Estimate(float((share * mean).sum()), float(np.sqrt(variance)))
