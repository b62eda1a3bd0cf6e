"""How far the columns of a chunk are from the reference, and what of them is missing or unseen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detectors.binning import Values
from detectors.codes import Text
from detectors.confusion import around
from detectors.domain_classifier import ALARM, SAMPLE
from detectors.intervals import Interval, wilson
from detectors.sample_distances import Categories, Numbers, tally
from pipeline.evaluate.columns import Columns
from pipeline.evaluate.fitted import Distribution, Fitted, distributed, is_missing
from pipeline.evaluate.row import Row, row
from pipeline.evaluate.sample import Sample
from pipeline.evaluate.stored import Binned

PSI_COUNT = 500
"""Fewest values for a level: with fewer, an unchanged column passes a PSI of 0.1 by chance."""
PSI_WARN = 0.1
OVER_BINS = ("psi", "chi2", "chi2_p_value", "l_infinity")
"""Distances of numbers that are over the bins of the PSI."""
ABSENT_WARN = 0.05
"""Increase of the share of missing, unseen or unreadable values that is worth a warning."""
EXPLOSION = 2
"""So many times the categories of the reference, and more than FEW_CATEGORIES, are an explosion."""
FEW_CATEGORIES = 50


def distances(sample: Sample, fitted: Fitted, columns: Columns) -> Iterator[Row]:
    """Rows of every column that reference and data have, and of all features together."""
    for name, values in distributed(sample, columns).items():
        if name in fitted.distributions:
            yield from _column(name, values, sample, fitted)
    yield from _together(sample, fitted)


def _column(name: str, values: Values, sample: Sample, fitted: Fitted) -> Iterator[Row]:
    reference = fitted.distributions[name]
    absent = is_missing(values)
    present = int((~absent).sum())
    yield _rate(name, "missing_rate", int(absent.sum()), sample.rows, fitted.missing[name])
    if name in sample.unreadable:
        yield _rate(name, "unreadable_rate", int(sample.unreadable[name].sum()), sample.rows, 0.0)
    if isinstance(values, Text):
        yield from _categories(name, values, reference, sample.rows)
    if reference is not None:
        found = reference.distances(values)
        over_bins = tuple(found) if isinstance(reference, Binned) else OVER_BINS[:1]
        if isinstance(reference, Numbers):
            over_bins = OVER_BINS
        yield from _distances(name, found, present, over_bins)


def _rate(name: str, metric: str, hits: int, count: int, before: float) -> Row:
    """A share of the rows, and whether it rose by more than is tolerated."""
    rate = hits / count
    level = "not_enough_data" if count < PSI_COUNT else "warn" if rate - before > ABSENT_WARN else "ok"
    return row("quality", name, metric, "rows", rate, count, wilson(hits, count), level)


def _categories(name: str, values: Text, reference: Distribution | None, count: int) -> Iterator[Row]:
    """Categories that the reference does not have, and how many there are at all.

    A registered reference keeps the most frequent ones: of the others it knows the share, not the number.
    """
    counts = tally(values)
    unseen = reference.unseen(values) if reference else sum(counts.values())
    folded = reference.folded if isinstance(reference, Binned) else 0.0
    yield _rate(name, "unseen_rate", unseen, count, folded)
    known = _size(reference)
    exploded = not folded and len(counts) > max(EXPLOSION * known, FEW_CATEGORIES)
    level = None if folded else "warn" if exploded else "ok"
    yield row("quality", name, "categories", "rows", len(counts), count, level=level)


def _size(reference: Distribution | None) -> int:
    if isinstance(reference, Categories):
        return len(reference.counts)
    return len(reference.bins.counts) if isinstance(reference, Binned) else 0


def _distances(name: str, found: dict[str, float], count: int, over_bins: tuple[str, ...]) -> Iterator[Row]:
    bounds = {name: found.pop(f"{name}_bound", None) for name in ("kolmogorov_smirnov", "wasserstein")}
    for metric, value in found.items():
        interval, bound = None, bounds.get(metric)
        if bound is not None:
            below = 0.0 if metric == "kolmogorov_smirnov" else bound  # from bins it is never too large
            most = 1.0 if metric == "kolmogorov_smirnov" else np.inf
            interval = Interval(max(0.0, value - below), min(most, value + bound))
        method = "bins" if metric in over_bins or interval else "rows"
        yield row("drift", name, metric, method, value, count, interval, _level(metric, value, count))


def _level(metric: str, value: float, count: int) -> str | None:
    if metric != "psi":
        return None
    return "not_enough_data" if count < PSI_COUNT else "warn" if value >= PSI_WARN else "ok"


def _together(sample: Sample, fitted: Fitted) -> Iterator[Row]:
    if fitted.reconstruction is None:
        return
    errors = fitted.reconstruction.errors(sample.features)
    deviation = float(np.std(errors) / np.sqrt(len(errors)))
    value = float(errors.mean())
    interval = around(value, deviation, most=np.inf)
    yield row("drift", "", "reconstruction_error", "rows", value, len(errors), interval)
    if fitted.domain is None:
        return
    found, count = fitted.domain.area(sample.features), min(sample.rows, SAMPLE)
    level = "not_enough_data" if count < PSI_COUNT else "warn" if found.value >= ALARM else "ok"
    spread = around(found.value, found.deviation) if np.isfinite(found.value) else None
    yield row("drift", "", "domain_classifier_auc", "sample", found.value, count, spread, level)
