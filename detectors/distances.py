"""Distances between two histograms over the same bins, under their published names and conventions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

Counts = npt.ArrayLike
Floats = npt.NDArray[np.float64]

PSI_EPSILON = 1e-4
"""Share that stands for an empty bin in the PSI, since ln 0 has no value; shares then sum to 1 again."""


class ChiSquare(NamedTuple):
    statistic: float
    p_value: float


def shares(counts: Counts) -> Floats:
    """Counts (B,) as shares that sum to 1; raises ValueError where there is nothing to share."""
    numbers = np.asarray(counts, dtype=np.float64)
    total = numbers.sum()
    if not total > 0 or numbers.min() < 0:
        raise ValueError("a histogram needs counts of zero or more and at least one event")
    return np.asarray(numbers / total)


def _pair(reference: Counts, current: Counts) -> tuple[Floats, Floats]:
    q, p = shares(reference), shares(current)
    if q.shape != p.shape:
        raise ValueError(f"the histograms have {len(q)} and {len(p)} bins")
    return q, p


def psi(reference: Counts, current: Counts) -> float:
    """Population stability index, sum (p - q) ln(p / q); < 0.1 stable, > 0.25 shifted (Yurdakul 2018)."""
    q, p = (s / s.sum() for s in (np.maximum(s, PSI_EPSILON) for s in _pair(reference, current)))
    return float(np.sum((p - q) * np.log(p / q)))


def jensen_shannon_distance(reference: Counts, current: Counts) -> float:
    """Square root of the Jensen-Shannon divergence, base 2: 0 is equal, 1 has no bin in common."""
    q, p = _pair(reference, current)
    middle = (p + q) / 2
    divergence = (_kl_bits(p, middle) + _kl_bits(q, middle)) / 2
    return float(np.sqrt(min(max(divergence, 0.0), 1.0)))


def _kl_bits(p: Floats, q: Floats) -> float:
    held = p > 0
    return float(np.sum(p[held] * np.log2(p[held] / q[held])))


def kolmogorov_smirnov(reference: Counts, current: Counts) -> float:
    """Largest gap between the cumulative shares; from bins it is a lower bound of the exact statistic."""
    q, p = _pair(reference, current)
    return float(np.abs(np.cumsum(p - q)).max())


def chi2(reference: Counts, current: Counts) -> ChiSquare:
    """Pearson's test that both samples share one distribution; bins that both leave empty do not count.

    Two bins get Yates' correction, as in scipy's chi2_contingency, which this is without its checks.
    """
    _pair(reference, current)
    table = np.array([reference, current], dtype=np.float64)
    table = table[:, table.sum(axis=0) > 0]
    freedom = table.shape[1] - 1
    if freedom == 0:
        return ChiSquare(0.0, 1.0)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    gap = np.abs(table - expected)
    if freedom == 1:
        gap = np.maximum(gap - 0.5, 0.0)
    statistic = float(np.sum(gap**2 / expected))
    return ChiSquare(statistic, float(chdtrc(freedom, statistic)))


def wasserstein(reference: Counts, current: Counts, values: Counts) -> float:
    """Area between the cumulative shares, in the unit of `values`: ascending bin representatives (B,)."""
    q, p = _pair(reference, current)
    steps = np.diff(np.asarray(values, dtype=np.float64))
    return float(np.sum(np.abs(np.cumsum(p - q))[:-1] * steps))


def normed_wasserstein(reference: Counts, current: Counts, values: Counts) -> float:
    """Wasserstein in standard deviations of the reference; infinite if that never varied and now it does."""
    q, points = shares(reference), np.asarray(values, dtype=np.float64)
    distance = wasserstein(reference, current, values)
    deviation = float(np.sqrt(np.sum(q * (points - np.sum(q * points)) ** 2)))
    if deviation > 0:
        return distance / deviation
    return 0.0 if distance == 0 else float("inf")


def representatives(edges: Counts) -> Floats:
    """One value a bin for B - 1 inner edges: midpoints; half a neighbour's width beyond the outer edges."""
    inner = np.asarray(edges, dtype=np.float64)
    if len(inner) < 2:
        spread = np.array([-0.5, 0.5])
        return inner[0] + spread if len(inner) else np.zeros(1)
    half = np.diff(inner) / 2
    return np.concatenate([[inner[0] - half[0]], inner[:-1] + half, [inner[-1] + half[-1]]])


def hellinger(reference: Counts, current: Counts) -> float:
    """sqrt(sum (sqrt p - sqrt q)^2 / 2), 0 to 1."""
    q, p = _pair(reference, current)
    return float(np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2) / 2))


def l_infinity(reference: Counts, current: Counts) -> float:
    """Largest change of a bin's share."""
    q, p = _pair(reference, current)
    return float(np.abs(p - q).max())
