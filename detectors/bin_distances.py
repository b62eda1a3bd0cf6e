"""Distances of a feature's counts from its reference, over the same bins, under their published names."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors import distances
from detectors.references import FeatureBins

Counts = npt.NDArray[np.int64]


def held(bins: FeatureBins, counts: Counts) -> tuple[Counts, Counts]:
    """(reference, current) counts of the values that are there; unseen categories, if any, a bin.

    `counts` are of the bins, then missing, then unseen, (B + 2,).
    """
    now, then = counts[: len(bins.counts)], np.array(bins.counts, np.int64)
    if bins.categories is not None and (counts[-1] or bins.unseen):
        now, then = np.append(now, counts[-1]), np.append(then, bins.unseen)
    return then, now


def bin_distances(bins: FeatureBins, counts: Counts) -> dict[str, float]:
    """Every distance by its name, and how far the Kolmogorov-Smirnov statistic may be from the exact one.

    A value may be infinite; empty where reference or data have no value.
    """
    then, now = held(bins, counts)
    if not then.sum() or not now.sum():
        return {}
    test = distances.chi2(then, now)
    found = {
        "psi": distances.psi(then, now),
        "jensen_shannon_distance": distances.jensen_shannon_distance(then, now),
        "hellinger": distances.hellinger(then, now),
        "l_infinity": distances.l_infinity(then, now),
        "chi2": test.statistic,
        "chi2_p_value": test.p_value,
    }
    if bins.edges is None:
        return found
    points = distances.representatives(bins.edges)
    largest = max(float((of / of.sum()).max()) for of in (then, now))
    return {
        **found,
        "kolmogorov_smirnov": distances.kolmogorov_smirnov(then, now),
        "kolmogorov_smirnov_bound": largest,
        "wasserstein": distances.wasserstein(then, now, points),
        "normed_wasserstein": distances.normed_wasserstein(then, now, points),
    }
