"""Likelihood ratios of a rate: what a minute's hits say for a rate above the tolerated one.

Events are not always independent.  Where counts vary phi times as much, two models are usual: events come in
clusters of phi, or the rate itself wavers from minute to minute (beta-binomial).  The power 1 / phi is right
for the first and fails under the second, whose tail is longer; a beta-binomial ratio is right for the second.
The lesser of both has a mean of at most 1 under either, so the detector keeps its promise under either.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from detectors import e_detector

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

GRID = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
"""Alternatives: this share of the way from the tolerated rate to 1."""
SMALL = 100_000
"""Below it, or few times as many as there are, a table finds the distinct ones faster than sorting does."""
FEW_TIMES = 4
LEAST_SPREAD = 1e-3
"""Where a minute has no more events than phi: all of them share one fate."""


def log_ratios(count: Ints, hits: Ints, bound: Floats | float, phi: float) -> Floats:
    """(T, 6): ln L of `hits` of `count` (T,) a minute, for GRID against `bound` in (0, 1).

    Every alternative is above the bound, so fewer hits than tolerated never count as evidence.  `bound` may
    differ from minute to minute (T,), and be the mean of the tolerated rates of a minute's events: with the
    odds ratio r, E L = prod(1 + m_i (r - 1)) / (1 + m (r - 1))^n <= 1 by the inequality of the means.
    """
    if np.ndim(bound) or not len(count):
        return _of_cases(count, hits, bound, phi)
    # Few pairs of numbers stand for many minutes, and gamma functions are dear.
    base = int(hits.max()) + 1
    cases, place = _distinct(count * base + hits)
    return _of_cases(cases // base, cases % base, bound, phi)[place]


def _distinct(numbers: Ints) -> tuple[Ints, Ints]:
    """Ascending, and the place of each among them; `numbers` are at least 0."""
    if numbers.max(initial=0) >= max(SMALL, FEW_TIMES * len(numbers)):
        return np.unique(numbers, return_inverse=True)
    seen = np.zeros(int(numbers.max(initial=0)) + 1, np.bool_)
    seen[numbers] = True
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[numbers]


def of_many(count: Ints, hits: Ints, place: Ints, bounds: Floats, phis: Floats) -> Floats:
    """L itself, where the minutes are of many streams: `place` (T,) says of which bound and phi."""
    base = int(hits.max(initial=0)) + 1
    by = int(count.max(initial=0)) + 1
    cases, at = _distinct((place * by + count) * base + hits)
    of = cases // base // by
    return e_detector.of_log(_of_cases(cases // base % by, cases % base, bounds[of], phis[of]))[at]


def _of_cases(count: Ints, hits: Ints, bound: Floats | float, phi: Floats | float) -> Floats:
    n, k = count.astype(np.float64)[:, None], hits.astype(np.float64)[:, None]
    m, spread_by = (np.broadcast_to(np.asarray(of, np.float64), count.shape)[:, None] for of in (bound, phi))
    p = m + np.array(GRID) * (1.0 - m)
    found = (k * np.log(p / m) + (n - k) * np.log((1.0 - p) / (1.0 - m))) / spread_by
    wide = spread_by[:, 0] > 1.0
    if wide.any():
        n, k, m, p, phi_of = (of[wide] for of in (n, k, m, p, spread_by))
        spread = np.maximum((n - phi_of) / (phi_of - 1.0), LEAST_SPREAD)
        found[wide] = np.minimum(found[wide], _wavering(k, n, p, spread) - _wavering(k, n, m, spread))
    return found


def _wavering(hits: Floats, count: Floats, rate: Floats, spread: Floats) -> Floats:
    """ln of the beta-binomial chance of `hits`, less what does not depend on `rate`."""
    right, wrong = spread * rate, spread * (1.0 - rate)
    found = gammaln(hits + right) - gammaln(right) + gammaln(count - hits + wrong) - gammaln(wrong)
    return np.asarray(found)
