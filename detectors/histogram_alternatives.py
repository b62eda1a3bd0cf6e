"""What a histogram may change into, and the weights that tell each change from tolerated noise.

Bins change among themselves: missing and unseen values keep their share then, with weight 0, so that fewer of
them are never evidence.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from detectors.references import FeatureBins

Floats = npt.NDArray[np.float64]
Alternatives = Callable[[FeatureBins], Floats]
"""(K, B + 2): K histograms, as shares of the bins, of missing and of unseen."""

TILTS = (0.1, 0.25, 0.5, 1.0)
"""Strengths of a shift or a change of width, in standard deviations of the bin scores."""
GROWTH = (1.5, 3.0)
"""A single bin, or all from the lowest up to one, grow by these."""
SHRINKAGE = (0.1, 0.5)
"""A single bin shrinks to these: 0.1 is all but gone, and finite evidence."""
ABSENT_SHARES = (0.05, 0.25)
"""The share that missing values, or unseen categories, newly take of all events."""
STEP = 2.0**-30
"""Weights are whole multiples of it, rounded down: sums of them are exact, so their order changes no bit."""
NEWTON_STEPS = 40
BORDER = 1e-12
"""Nats of rounding at the border of the tolerance."""
PSEUDO_COUNT = 0.5
"""Added to every reference bin (Jeffreys): a bin that the reference left empty is rare, not impossible."""


def smoothed(feature: FeatureBins) -> Floats:
    """Reference shares (B + 2,): the bins, then missing, then unseen; all above zero."""
    counts = np.array([*feature.counts, feature.missing, feature.unseen], dtype=np.float64) + PSEUDO_COUNT
    return np.asarray(counts / counts.sum())


def tolerance(feature: FeatureBins, rho: float) -> float:
    """Nats of KL that are no drift: `rho`, or what chance makes of a reference this small if that is more.

    Events that vary phi times as much tell as much of their shares as a phi-th of them would.
    """
    total = sum(feature.counts) + feature.missing + feature.unseen
    return max(rho, _by_chance(max(len(feature.counts) + 1, 1)) * max(feature.phi, 1.0) / (2 * max(total, 1)))


@lru_cache(maxsize=256)
def _by_chance(freedom: int) -> float:
    return float(2 * gammaincinv(freedom / 2, 0.99))


def alternatives(feature: FeatureBins) -> Floats:
    """(K, B + 2): shifts and widths of the numeric bins, each bin larger or smaller, values gone missing.

    A numeric feature of 10 bins has 16 tilts, 20 larger and 20 smaller bins, and 4 for new absent values.
    """
    q, bins = smoothed(feature), len(feature.counts)
    tilts = _tilts(q[:bins]) if feature.edges is not None else []
    each = [q[:bins] * (1 + (f - 1) * np.eye(bins)) for f in (*GROWTH, *SHRINKAGE)]
    absent = [(1 - g) * q + g * np.eye(len(q))[bins:] for g in ABSENT_SHARES]
    return np.vstack([_among_bins(np.vstack([*tilts, *each]), q), *absent])


def falls(feature: FeatureBins) -> Floats:
    """(K, B + 2): the numeric bins lower: 4 tilts, and every lower tail larger; 22 of 10 bins.

    Each ratio to the reference falls from bin to bin, so what is nowhere lower than the reference, in the
    order of distributions, has a mean ratio of at most 1: an improvement of any form is no evidence.
    """
    q, bins = smoothed(feature), len(feature.counts)
    scores = _standard(np.arange(bins, dtype=np.float64), q[:bins])
    tilts = [q[:bins] * np.exp(-by * scores) for by in TILTS]
    tails = [q[:bins] * (1 + (f - 1) * np.tri(bins)[:-1]) for f in GROWTH]
    return _among_bins(np.vstack([*tilts, *tails]), q)


def _among_bins(changed: Floats, q: Floats) -> Floats:
    """Bins (K, B) scaled to what they hold together in `q`, beside its missing and unseen."""
    bins = changed.shape[1]
    scaled = changed * (q[:bins].sum() / changed.sum(axis=1, keepdims=True))
    return np.hstack([scaled, np.tile(q[bins:], (len(scaled), 1))])


def _tilts(q: Floats) -> list[Floats]:
    """Exponential tilts of the bin scores, and of their squares, both ways."""
    scores = _standard(np.arange(len(q), dtype=np.float64), q)
    squares = _standard(scores**2, q)
    moved = [sign * s * by for by in (scores, squares) for s in TILTS for sign in (1, -1)]
    return [q * np.exp(m) for m in moved]


def _standard(values: Floats, weights: Floats) -> Floats:
    share = weights / weights.sum()
    centred = values - np.sum(share * values)
    deviation = np.sqrt(np.sum(share * centred**2))
    return np.asarray(centred / deviation) if deviation > 0 else np.zeros_like(centred)


def project(theta: Floats, q: Floats, rho: float) -> Floats:
    """Reverse information projection of each alternative (K, B) on {p: KL(q || p) <= rho}.

    p* = (1 - w) theta + w q with the smallest w >= 0 in the set; E_p[theta / p*] <= 1 for all p in it.
    KL falls convexly with w, so Newton's steps from 0 come up to the border and never pass it.
    """
    weight = np.zeros(len(theta))
    for _ in range(NEWTON_STEPS):
        mixed = _mixed(theta, q, weight)
        beyond = _kl(q, mixed) - rho
        if not (beyond > BORDER).any():
            break
        slope = np.sum(q * (q - theta) / mixed, axis=1)
        weight = np.where(
            beyond > BORDER, np.minimum(weight + beyond / np.where(slope > 0, slope, 1), 1), weight
        )
    return _mixed(theta, q, np.where(_kl(q, _mixed(theta, q, weight)) - rho > BORDER, 1.0, weight))


def _mixed(theta: Floats, q: Floats, weight: Floats) -> Floats:
    return np.asarray((1 - weight)[:, None] * theta + weight[:, None] * q)


def _kl(q: Floats, p: Floats) -> Floats:
    return np.asarray(np.sum(q * np.log(q / p), axis=1))


@lru_cache(maxsize=16_384)
def log_weights(feature: FeatureBins, rho: float, of: Alternatives = alternatives) -> Floats:
    """(K, B + 2): ln(theta_k / p*_k) of an event in each bin; computed once a reference."""
    theta = of(feature)
    projected = project(theta, smoothed(feature), tolerance(feature, rho))
    weights = np.asarray(np.floor(np.log(theta / projected) / STEP) * STEP)
    weights.flags.writeable = False
    return weights
