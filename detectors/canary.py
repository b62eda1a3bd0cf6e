"""A canary against the stable version at the same minutes: does it err more often than its neighbour?

In a minute in which both have labels, the number of the canary's errors among all of them is hypergeometric
if both err alike, whatever that minute's error rate is.  A likelihood ratio against odds that are higher by a
factor is then an e-value, and its product over minutes an e-process: it passes 1 / alpha in a share alpha of
all harmless canaries at most, however often one looks.  Fewer errors than the stable version's never count.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ODDS = (1.25, 1.5, 2.0, 4.0)
"""How much higher the canary's odds of an error may be; each has a quarter of the weight."""
WARN_ALPHA = 0.05
ACT_ALPHA = 0.01
FEWEST = 100
"""Labelled predictions of the canary, below which there is no verdict."""


def log_evidence(
    errors: Integers, count: Integers, stable_errors: Integers, stable_count: Integers
) -> Floats:
    """ln of the evidence that the canary is worse, after each minute; all of shape (T,)."""
    found = np.zeros((len(ODDS), len(errors)))
    rows = zip(errors.tolist(), count.tolist(), stable_errors.tolist(), stable_count.tolist(), strict=True)
    for minute, (k, n, other_k, other_n) in enumerate(rows):
        if n and other_n and k + other_k:
            found[:, minute] = _log_ratios(k, n, k + other_k, n + other_n)
    return np.asarray(np.logaddexp.reduce(np.cumsum(found, axis=1), axis=0) - np.log(len(ODDS)))


def _log_ratios(k: int, n: int, errors: int, count: int) -> Floats:
    """(4,): ln of odds^k over its mean, where k of all `errors` among `count` are of the canary's n."""
    possible = np.arange(max(0, errors - (count - n)), min(n, errors) + 1)
    log_chance = _log_choose(n, possible) + _log_choose(count - n, errors - possible)
    log_chance = log_chance - np.logaddexp.reduce(log_chance)
    log_odds = np.log(ODDS)
    means = np.logaddexp.reduce(log_chance[None, :] + log_odds[:, None] * possible, axis=1)
    return np.asarray(k * log_odds - means)


def _log_choose(n: int, k: Integers) -> Floats:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
