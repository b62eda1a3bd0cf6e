"""Confidence intervals of a rate from counts.

Their quantiles are those of scipy.special: to import scipy.stats takes a second.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, inf, sqrt
from typing import NamedTuple

from scipy.special import betaincinv, ndtri


class Interval(NamedTuple):
    low: float
    high: float


def clopper_pearson(hits: int, count: int, confidence: float = 0.95) -> Interval:
    """Exact two-sided interval of hits / count; it covers at least as often as stated (Clopper, Pearson)."""
    _check(hits, count)
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, count - hits + 1, tail))
    return Interval(low, clopper_pearson_upper(hits, count, 1 - tail))


@lru_cache(maxsize=4_096)
def clopper_pearson_upper(hits: float, count: float, confidence: float = 0.99) -> float:
    """Exact one-sided upper bound of hits / count; counts need not be whole."""
    _check(hits, count)
    return 1.0 if hits == count else float(betaincinv(hits + 1, count - hits, confidence))


def wilson(hits: float, count: int, confidence: float = 0.95) -> Interval:
    """Score interval of hits / count: close to its stated coverage on average (Wilson 1927).

    Hits may be a sum of probabilities, which spreads at most as a count of that mean.
    """
    _check(hits, count)
    z = float(ndtri((1 + confidence) / 2))
    rate, squared = hits / count, z * z / count
    centre = (rate + squared / 2) / (1 + squared)
    half = z * sqrt(rate * (1 - rate) / count + squared / (4 * count)) / (1 + squared)
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def rate_ratio(hits: int, count: int, base_hits: int, base_count: int, confidence: float = 0.95) -> Interval:
    """Interval of (hits / count) / (base_hits / base_count) by its logarithm (Katz et al. 1978).

    Of no hits, whose logarithm is not there, half a one is counted, and the lower bound is 0.
    """
    _check(hits, count)
    _check(base_hits, base_count)
    if not base_hits:
        return Interval(0.0, inf)
    seen = hits or 0.5
    spread = sqrt(1 / seen - 1 / max(count, 1) + 1 / base_hits - 1 / base_count)
    reach = exp(float(ndtri((1 + confidence) / 2)) * spread)
    ratio = (seen / count) / (base_hits / base_count)
    return Interval(ratio / reach if hits else 0.0, ratio * reach)


def _check(hits: float, count: float) -> None:
    if not 0 <= hits <= count or count == 0:
        raise ValueError(f"{hits} of {count} is not a rate")
