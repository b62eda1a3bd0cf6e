"""Accuracy of each model version from few labels, helped by what its scores say of all its rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors.confusion import around
from detectors.estimate import FEWEST, expected
from detectors.prediction_powered import Estimate, by_strata, weighted
from detectors.ranks import ranks
from pipeline.answers.truth import Version, by_version, estimate_minutes
from pipeline.answers.window import Window
from pipeline.store import Store

Told = tuple[float | None, float | None, float | None]
"""Value, and the bounds of its 95 % interval."""
UNKNOWN: Told = (None, None, None)


class Powered(NamedTuple):
    powered: Told = UNKNOWN
    """Moved by what calibrated scores expect of the predictions without a label."""
    stratified: Told = UNKNOWN
    """Labels of each score bin weighted by its predictions; unknown where a bin has none."""


def powered(store: Store, window: Window, sums: Iterable[Mapping[str, Any]]) -> dict[Version, Powered]:
    """Of versions with FEWEST labels and some predictions without one; `sums` as `model_sums` says them.

    Both are of the predictions since the reference in use was, whose curve says what was expected of them.
    """
    references = store.references()
    rows = estimate_minutes(store, references, window.start, window.end)
    every = {(row["model"], row["model_version"]): row for row in sums}
    found: dict[Version, Powered] = {}
    bins: dict[tuple[str, ...], dict[int, int]] | None = None
    for version, mine in by_version(rows).items():
        row = every.get(version)
        if row is None or row["estimated_from"] is None:
            continue
        mine = mine.filter(
            pc.greater_equal(mine["minute"], pa.scalar(row["estimated_from"], mine["minute"].type))
        )
        count = mine.column("count").to_numpy().astype(np.float64)
        if not FEWEST <= count.sum() < (row["estimated_count"] or 0):
            continue
        score, positive = mine.column("score").to_numpy(), mine.column("positive").to_numpy()
        chance = expected(references[version[0]], score, positive)
        mean = float(row["estimated_correct"]) / row["estimated_count"]
        right = mine.column("right").to_numpy().astype(np.float64)
        estimate = weighted(right, chance, count, mean, row["estimated_count"])
        if bins is None:
            bins = _bins(store, window)
        known = references[version[0]]
        edges = np.asarray(known.score_edges, np.float64)
        of_bin = bins.get((*version, known.reference), {})
        whole = np.array([of_bin.get(i, 0) for i in range(len(edges) + 1)], np.int64)
        strata = ranks(edges, np.asarray(score, np.float64)).astype(np.int64)
        found[version] = Powered(_told(estimate), _told(by_strata(right, strata, count, whole)))
    return found


def _told(estimate: Estimate | None) -> Told:
    if estimate is None:
        return UNKNOWN
    return (estimate.value, *around(estimate.value, estimate.deviation, most=1.0))


def _bins(store: Store, window: Window) -> dict[tuple[str, ...], dict[int, int]]:
    """Predictions by score bin, of each model, version and reference."""
    found: dict[tuple[str, ...], dict[int, int]] = defaultdict(dict)
    for row in store.query("score_histograms", start=window.start, end=window.end).to_pylist():
        found[row["model"], row["model_version"], row["reference"]][row["bin"]] = row["count"]
    return found
