"""The usual rules: a distance over the last hour against a fixed threshold, looked at every minute."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import chdtrc

from tests.bench.detection.streams import Floats, Ints

WINDOW = 60
Rule = Callable[[Floats, Floats], Floats]
"""Counts of the reference (B,) and of windows (N, B): (N,) true where the rule alarms."""


def psi(known: Floats, seen: Floats) -> Floats:
    q, p = (np.maximum(c / c.sum(axis=-1, keepdims=True), 1e-4) for c in (known, seen))
    q, p = q / q.sum(axis=-1, keepdims=True), p / p.sum(axis=-1, keepdims=True)
    return np.asarray(((p - q) * np.log(p / q)).sum(axis=1))


def kolmogorov_smirnov(known: Floats, seen: Floats) -> Floats:
    """In units of its 5 % critical value for these sample sizes."""
    gap = np.abs(np.cumsum(seen / seen.sum(axis=1, keepdims=True) - known / known.sum(), axis=1)).max(axis=1)
    n, m = known.sum(), seen.sum(axis=1)
    return np.asarray(gap / (1.3581 * np.sqrt((n + m) / (n * m))))


def chi_squared(known: Floats, seen: Floats) -> Floats:
    """The p-value of the two-sample test."""
    n, m = known.sum(), seen.sum(axis=1, keepdims=True)
    total = known + seen
    far = (known - total * n / (n + m)) ** 2 / (total * n / (n + m))
    near = (seen - total * m / (n + m)) ** 2 / (total * m / (n + m))
    return np.asarray(chdtrc(len(known) - 1, (far + near).sum(axis=1)))


RULES: dict[str, Rule] = {
    "PSI > 0.1": lambda known, seen: psi(known, seen) > 0.1,
    "KS p < 0.05": lambda known, seen: kolmogorov_smirnov(known, seen) > 1,
    "chi2 p < 0.05": lambda known, seen: chi_squared(known, seen) < 0.05,
}


def alarms(known: Ints, seen: Ints, rule: Rule) -> Floats:
    """(T,) whether the rule alarms in each minute of `seen` (T, B); not before a window is full."""
    summed = np.cumsum(np.vstack([np.zeros(seen.shape[1]), seen]), axis=0)
    found = rule(known.sum(axis=0).astype(np.float64), summed[WINDOW:] - summed[:-WINDOW])
    return np.r_[np.zeros(WINDOW - 1, bool), found]
