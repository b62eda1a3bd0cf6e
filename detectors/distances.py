"""Distances between histograms over the same bins, under their published names and conventions.

Counts are (..., B): of one histogram, or of many stacked ones, each of which gets its own distance (...,).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, rel_entr

Counts = npt.ArrayLike
Floats = npt.NDArray[np.float64]

PSI_EPSILON = 1e-4
"""Share that stands for an empty bin in the PSI, since ln 0 has no value; shares then sum to 1 again."""


class ChiSquare(NamedTuple):
    statistic: Floats
    p_value: Floats


def shares(counts: Counts) -> Floats:
    """Counts as shares that sum to 1; raises ValueError where there is nothing to share."""
    numbers = np.asarray(counts, dtype=np.float64)
    total = numbers.sum(axis=-1, keepdims=True)
    if not (total > 0).all() or numbers.min() < 0:
        raise ValueError("a histogram needs counts of zero or more and at least one event")
    return np.asarray(numbers / total)


def _pair(reference: Counts, current: Counts) -> tuple[Floats, Floats]:
    q, p = shares(reference), shares(current)
    if q.shape != p.shape:
        raise ValueError(f"the histograms have {q.shape[-1]} and {p.shape[-1]} bins")
    return q, p


def psi(reference: Counts, current: Counts) -> Floats:
    """Population stability index, sum (p - q) ln(p / q); < 0.1 stable, > 0.25 shifted (Yurdakul 2018)."""
    q, p = (shares(np.maximum(s, PSI_EPSILON)) for s in _pair(reference, current))
    return _sum((p - q) * np.log(p / q))


def jensen_shannon_distance(reference: Counts, current: Counts) -> Floats:
    """Square root of the Jensen-Shannon divergence, base 2: 0 is equal, 1 has no bin in common."""
    q, p = _pair(reference, current)
    middle = (p + q) / 2
    divergence = _sum(rel_entr(p, middle) + rel_entr(q, middle)) / (2 * np.log(2))
    return np.asarray(np.sqrt(np.clip(divergence, 0.0, 1.0)))[()]


def kolmogorov_smirnov(reference: Counts, current: Counts) -> Floats:
    """Largest gap between the cumulative shares; from bins it is a lower bound of the exact statistic."""
    q, p = _pair(reference, current)
    return _largest(np.abs(np.cumsum(p - q, axis=-1)))


def chi2(reference: Counts, current: Counts) -> ChiSquare:
    """Pearson's test that both samples share one distribution; bins that both leave empty do not count.

    Two bins get Yates' correction, as in scipy's chi2_contingency, which this is without its checks.
    """
    _pair(reference, current)
    table = np.stack([np.asarray(reference, np.float64), np.asarray(current, np.float64)], axis=-2)
    of_bin, of_sample = table.sum(axis=-2, keepdims=True), table.sum(axis=-1, keepdims=True)
    held = of_bin > 0
    freedom = held.sum(axis=-1, keepdims=True) - 1
    expected = of_sample * of_bin / of_sample.sum(axis=-2, keepdims=True)
    gap = np.abs(table - expected)
    gap = np.where(freedom == 1, np.maximum(gap - 0.5, 0.0), gap)
    parts = np.divide(gap**2, expected, out=np.zeros_like(gap), where=held)
    statistic = np.asarray(parts.sum(axis=(-2, -1)))
    few = freedom[..., 0, 0] == 0
    statistic = np.where(few, 0.0, statistic)
    p_value = np.where(few, 1.0, chdtrc(np.maximum(freedom[..., 0, 0], 1), statistic))
    return ChiSquare(statistic[()], p_value[()])


def wasserstein(reference: Counts, current: Counts, values: Counts) -> Floats:
    """Area between the cumulative shares, in the unit of `values`: ascending bin representatives (..., B)."""
    q, p = _pair(reference, current)
    steps = np.diff(np.asarray(values, dtype=np.float64), axis=-1)
    return _sum(np.abs(np.cumsum(p - q, axis=-1))[..., :-1] * steps)


def normed_wasserstein(reference: Counts, current: Counts, values: Counts) -> Floats:
    """Wasserstein in standard deviations of the reference; infinite if that never varied and now it does."""
    q, points = shares(reference), np.asarray(values, dtype=np.float64)
    distance = np.asarray(wasserstein(reference, current, values))
    mean = (q * points).sum(axis=-1, keepdims=True)
    deviation = np.asarray(np.sqrt((q * (points - mean) ** 2).sum(axis=-1)))
    never = np.where(distance == 0, 0.0, np.inf)
    return np.asarray(np.divide(distance, deviation, out=never, where=deviation > 0))[()]


def representatives(edges: Counts) -> Floats:
    """One value a bin for B - 1 inner edges: midpoints; half a neighbour's width beyond the outer edges."""
    inner = np.asarray(edges, dtype=np.float64)
    if len(inner) < 2:
        spread = np.array([-0.5, 0.5])
        return inner[0] + spread if len(inner) else np.zeros(1)
    half = np.diff(inner) / 2
    return np.concatenate([[inner[0] - half[0]], inner[:-1] + half, [inner[-1] + half[-1]]])


def hellinger(reference: Counts, current: Counts) -> Floats:
    """sqrt(sum (sqrt p - sqrt q)^2 / 2), 0 to 1."""
    q, p = _pair(reference, current)
    return np.asarray(np.sqrt(_sum((np.sqrt(p) - np.sqrt(q)) ** 2) / 2))[()]


def l_infinity(reference: Counts, current: Counts) -> Floats:
    """Largest change of a bin's share."""
    q, p = _pair(reference, current)
    return _largest(np.abs(p - q))


def _sum(parts: Floats) -> Floats:
    """Over the bins; a number where there is one histogram."""
    return np.asarray(parts.sum(axis=-1))[()]


def _largest(parts: Floats) -> Floats:
    return np.asarray(parts.max(axis=-1))[()]
