"""Base-2 exponential histograms: bucket i counts values in (base^i, base^(i+1)], base = 2^(2^-scale).

The same buckets as an OpenTelemetry ExponentialHistogram (offset i) and as a Prometheus native histogram
(schema = scale, index i + 1).  At scale 5 any quantile has a relative error of at most 1.083 %.
Indexes come from integer comparisons of the significand: powers of two fall exactly, every machine agrees.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pipeline.facts.models import ZERO_BUCKET

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SCALE = 5

_SIGNIFICAND_BITS = 52
_SMALLEST_NORMAL = 2.0**-1022
_CACHED = 2**13
"""Values at a time: what is made of them on the way stays in the processor's cache."""


@lru_cache(maxsize=16)
def _tables(scale: int) -> tuple[Integers, Integers]:
    """Bucket bounds within [1, 2) as 53-bit significands, and how many bounds lie below each lookup cell.

    A cell is narrower than any bucket, so at most one bound lies inside it.
    """
    steps = 1 << scale
    bounds = []
    for k in range(steps):
        root = 1 << (_SIGNIFICAND_BITS * steps + k)  # 2^52 x 2^(k / steps), to the power of `steps`
        for _ in range(scale):
            root = math.isqrt(root)
        bounds.append(root)
    thresholds = np.array([*bounds, 1 << (_SIGNIFICAND_BITS + 1)], np.int64)
    cells = (np.arange(2 * steps, dtype=np.int64) + 2 * steps) << (_SIGNIFICAND_BITS - scale - 1)
    return thresholds, np.searchsorted(thresholds, cells, side="left").astype(np.int64)


def index(values: Floats, scale: int = SCALE) -> Integers:
    """Bucket of each value, shape (n,); zero, negative and subnormal values fall into ZERO_BUCKET.

    `scale` is 0 to 8.  Values are finite.
    """
    found = np.empty(len(values), np.int64)
    for start in range(0, len(values), _CACHED):
        block = slice(start, start + _CACHED)
        _index(np.ascontiguousarray(values[block]), scale, found[block])
    return found


def _index(values: Floats, scale: int, found: Integers) -> None:
    thresholds, below = _tables(scale)
    bits: Integers = values.view(np.int64)
    fraction = bits & ((1 << _SIGNIFICAND_BITS) - 1)
    count = below[fraction >> (_SIGNIFICAND_BITS - scale - 1)]
    np.right_shift(bits, _SIGNIFICAND_BITS, out=found)
    found -= 1023
    found <<= scale
    found += count
    found -= 1
    fraction |= 1 << _SIGNIFICAND_BITS
    found += fraction > thresholds[count]
    normal = values >= _SMALLEST_NORMAL
    if not normal.all():
        found[~normal] = ZERO_BUCKET


def bounds(bucket: int, scale: int = SCALE) -> tuple[float, float]:
    """Lower (exclusive) and upper (inclusive) bound of a bucket, in the unit of the values."""
    if bucket == ZERO_BUCKET:
        return 0.0, 0.0
    return 2.0 ** (bucket / 2**scale), 2.0 ** ((bucket + 1) / 2**scale)


def estimate(bucket: int, scale: int = SCALE) -> float:
    """The value that stands for a bucket, 2 base^(i+1) / (base + 1): as far from both bounds, in ratio."""
    return float(2.0 * bounds(bucket, scale)[1] / (2.0 ** (2.0**-scale) + 1.0))


def quantile(buckets: Integers, counts: Integers, q: float, scale: int = SCALE) -> float:
    """Estimate of the q-quantile (0 to 1) of a histogram: the value of rank max(1, ceil(q n)); NaN if empty.

    `buckets` and `counts` have shape (k,), in any order; a bucket may stand more than once.
    """
    order = np.argsort(buckets, kind="stable")
    cumulated = np.cumsum(counts[order])
    if not len(cumulated) or not cumulated[-1]:
        return math.nan
    rank = max(1, math.ceil(q * int(cumulated[-1])))
    return estimate(int(buckets[order][np.searchsorted(cumulated, rank)]), scale)


def downscale(buckets: Integers) -> Integers:
    """The same values at half the resolution (scale - 1), exactly: bucket i >> 1 holds bucket i."""
    return np.where(buckets == ZERO_BUCKET, ZERO_BUCKET, buckets >> 1)
