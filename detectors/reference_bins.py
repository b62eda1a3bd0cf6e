"""Bins of a reference: quantiles of numbers, or the most frequent categories of text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from detectors import binning
from detectors.codes import Groups, Integers, Text
from detectors.dispersion import phi
from detectors.minutes import Floats
from detectors.references import FeatureBins
from detectors.weekly import with_rhythm

BINS = 10
"""Quantile bins of a number, the usual count for PSI."""
MOST_CATEGORIES = 50
"""Rarer categories count as unseen, in the reference as later."""


def quantile_edges(values: Floats) -> tuple[float, ...]:
    """Inner edges of BINS bins with about equal counts; fewer where values repeat.

    A constant c gives the bins below c, c, and above c, so that a change either way is seen.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return ()
    lowest, highest = float(known.min()), float(known.max())
    if lowest == highest:
        return (float(np.nextafter(lowest, -np.inf)), lowest)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1], method="inverted_cdf"))
    return tuple(edges[edges < highest].tolist())


def feature_bins(
    features: pa.ChunkedArray, groups: Groups, minutes: Integers | None
) -> Iterator[FeatureBins]:
    """Bins of each child of the struct `features`, in its order, with the counts of the rows themselves.

    `groups` gathers the rows by `minutes` since 1970; None are no real ones, and have no weekly rhythm.
    """
    for field, column in zip(features.type, features.flatten(), strict=True):
        values = binning.values(column)
        if isinstance(values, Text):
            bins = FeatureBins(field.name, None, _categories(values), (), 0, 0, 1.0)
        else:
            bins = FeatureBins(field.name, quantile_edges(values), None, (), 0, 0, 1.0)
        yield _counted(bins, values, groups, minutes)


def _categories(values: Text) -> tuple[str, ...]:
    counts = np.bincount(values.codes, minlength=values.size).tolist()
    named = zip(values.values.to_pylist(), counts, strict=True)
    ranked = sorted((-count, name) for name, count in named if name and count)
    return tuple(sorted(name for _, name in ranked[:MOST_CATEGORIES]))


def _counted(
    bins: FeatureBins, values: binning.Values, groups: Groups, minutes: Integers | None
) -> FeatureBins:
    size = binning.bin_count(bins) + 2
    by_minute = groups.count_by(binning.assign(bins, values), size)
    *counts, missing, unseen = by_minute.sum(axis=0).tolist()
    counted = replace(bins, counts=tuple(counts), missing=missing, unseen=unseen, phi=phi(by_minute))
    return counted if minutes is None else with_rhythm(counted, by_minute, minutes)
