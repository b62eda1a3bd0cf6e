"""Distances of features' counts from their references, over the same bins, under their published names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import distances
from detectors.references import FeatureBins

Counts = npt.NDArray[np.int64]


class Compared(NamedTuple):
    """What a feature was, and is: `counts` are of the bins, then missing, then unseen, (B + 2,)."""

    bins: FeatureBins
    counts: Counts


def held(bins: FeatureBins, counts: Counts) -> tuple[Counts, Counts]:
    """(reference, current) counts of the values that are there; unseen categories, if any, a bin."""
    now, then = counts[: len(bins.counts)], np.array(bins.counts, np.int64)
    if bins.categories is not None and (counts[-1] or bins.unseen):
        now, then = np.append(now, counts[-1]), np.append(then, bins.unseen)
    return then, now


def bin_distances(features: Iterable[Compared]) -> list[dict[str, float]]:
    """Of each feature every distance by its name, and how far Kolmogorov-Smirnov may be from the exact one.

    A value may be infinite; empty where reference or data have no value.  Features of as many bins are
    reckoned together: one by one, most of the time would go into calls.
    """
    found: list[dict[str, float]] = []
    alike: dict[tuple[bool, int], list[tuple[int, FeatureBins, Counts, Counts]]] = defaultdict(list)
    for place, (bins, counts) in enumerate(features):
        found.append({})
        then, now = held(bins, counts)
        if then.any() and now.any():
            alike[bins.edges is None, len(then)].append((place, bins, then, now))
    for (unordered, _), group in alike.items():
        places, bins_of, then_of, now_of = zip(*group, strict=True)
        stacked = np.stack(then_of), np.stack(now_of)
        named = _any(*stacked) | ({} if unordered else _ordered(*stacked, bins_of))
        for row, place in enumerate(places):
            found[place] = {name: float(values[row]) for name, values in named.items()}
    return found


def _any(then: Counts, now: Counts) -> dict[str, distances.Floats]:
    """Those that bins without an order have too; each (F,) of counts (F, B)."""
    test = distances.chi2(then, now)
    return {
        "psi": distances.psi(then, now),
        "jensen_shannon_distance": distances.jensen_shannon_distance(then, now),
        "hellinger": distances.hellinger(then, now),
        "l_infinity": distances.l_infinity(then, now),
        "chi2": test.statistic,
        "chi2_p_value": test.p_value,
    }


def _ordered(then: Counts, now: Counts, bins_of: Sequence[FeatureBins]) -> dict[str, distances.Floats]:
    points = np.stack([distances.representatives(bins.edges or ()) for bins in bins_of])
    shares = np.stack([distances.shares(then), distances.shares(now)])
    return {
        "kolmogorov_smirnov": distances.kolmogorov_smirnov(then, now),
        "kolmogorov_smirnov_bound": shares.max(axis=(0, 2)),
        "wasserstein": distances.wasserstein(then, now, points),
        "normed_wasserstein": distances.normed_wasserstein(then, now, points),
    }
