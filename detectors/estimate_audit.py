"""The audit of an estimate by labels: evidence that it is further from the truth than is tolerated.

A bet on the residual of each labelled row, what happened less what was expected: under the null the mean
residual is within the tolerance whatever came before, and then the wealth of the bets passes 1 / alpha in a
share alpha of all streams at most, however often one looks (Ville; Waudby-Smith and Ramdas 2024).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

TOLERANCE = 0.02
"""By how much the mean of an estimate may be wrong: two points of accuracy."""
ALPHA = 0.01
STAKES = (0.01, 0.03, 0.1, 0.3)
"""Shares of the wealth that are bet, each with a quarter of it, on either side."""

PARTS = 10
"""Of the rows: at the beginning of each new bets begin, with a share of what the first leave."""
FIRST = 0.5
"""Share of the wealth that is bet from the first row on."""

NEAR = 1e-6
SMALLEST = -600.0
"""ln of what a number still holds with all its digits, and of sums of it."""


def log_wealth(residuals: Floats, phi: float = 1.0) -> Floats:
    """ln of the evidence after each row, (n,): residuals within -1 and 1, in the order in which labels came.

    NaN is no label and bets nothing.  Rows that come phi at a time say no more than one of them: what they
    gain is divided by `phi`, the overdispersion of the reference's errors.  Bets that lost while the estimate
    was right hardly come back once it is wrong, so others begin later with wealth kept for them: their sum is
    a fair bet as well.
    """
    size = len(residuals)
    grown = np.cumsum(np.insert(gains(residuals) / max(phi, 1.0), 0, 0.0, axis=1), axis=1)
    found = np.full(size, -np.inf)
    for part in range(PARTS):
        begin = size * part // PARTS
        since = np.zeros(size)
        since[begin:] = log_mix(grown[:, begin + 1 :] - grown[:, begin, None])
        share = FIRST if part == 0 else (1 - FIRST) / (PARTS - 1)
        found = np.logaddexp(found, np.log(share) + since)
    return found


def gains(residuals: Floats) -> Floats:
    """(8, n): ln of what each bet makes of its wealth in each row."""
    missing = np.isnan(residuals)
    known = np.where(missing, 0.0, residuals)
    sides = np.stack([known - TOLERANCE, -known - TOLERANCE])
    bets = np.log1p(np.array(STAKES)[:, None] * sides[:, None]).reshape(2 * len(STAKES), -1)
    return np.where(missing, 0.0, bets) if missing.any() else bets


def log_mix(wealth: Floats) -> Floats:
    """ln of the mean of the bets' wealth, (n,), of their ln (8, n)."""
    return np.asarray(np.logaddexp.reduce(wealth, axis=0) - np.log(len(wealth)))


def log_mix_up_to(wealth: Floats, log_bar: float) -> Floats:
    """The same of the rows that may be the highest or at the bar, -inf of the others: sooner told.

    A plain sum of exponentials says which; it is right to far better than NEAR where any is above SMALLEST.
    """
    with np.errstate(over="ignore", divide="ignore"):
        near = np.log(np.exp(wealth).sum(axis=0)) - np.log(len(wealth))
    highest = near.max()
    asked = near >= min(highest, log_bar) - NEAR if highest > SMALLEST else np.ones(len(near), np.bool_)
    found = np.full(len(near), -np.inf)
    found[asked] = log_mix(wealth[:, asked])
    return found


def rejected(evidence: Floats) -> npt.NDArray[np.bool_]:
    """Whether the estimate was found wrong at that row or before; it does not become right again."""
    return np.asarray(np.maximum.accumulate(evidence) >= -np.log(ALPHA)) if len(evidence) else evidence > 0
