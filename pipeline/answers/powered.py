"""Accuracy of each model version from few labels, helped by what calibrated scores say of all its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors.confusion import around
from detectors.estimate import FEWEST, expected
from detectors.prediction_powered import weighted
from pipeline.answers.truth import Version, by_version, scored
from pipeline.answers.window import Window
from pipeline.store import Store

Powered = tuple[float, float, float]
"""Value, and the bounds of its 95 % interval."""


def powered(store: Store, window: Window, sums: Iterable[Mapping[str, Any]]) -> dict[Version, Powered]:
    """Of versions with FEWEST labels and some predictions without one; `sums` as `model_sums` says them.

    Both are of the predictions since the reference in use was, whose curve says what was expected of them.
    """
    references = store.references()
    rows = store.query(
        "estimate_minutes", tables={"scored": scored(references)}, start=window.start, end=window.end
    )
    every = {(row["model"], row["model_version"]): row for row in sums}
    found = {}
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
        found[version] = (estimate.value, *around(estimate.value, estimate.deviation, most=1.0))
    return found
