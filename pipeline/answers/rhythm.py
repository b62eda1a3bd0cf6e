"""What a feature is compared with over a window: the hours of the week that the window's traffic was in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from detectors.codes import Integers
from detectors.references import FeatureBins, Reference
from detectors.weekly import HOURS, at_hours
from pipeline.answers.window import Window
from pipeline.store import Store


class Key(NamedTuple):
    """One histogram."""

    model: str
    model_version: str
    feature: str
    reference: str


Traffic = Mapping[Key, Integers]
"""Events by hour of the week, (168,), of features whose reference has a rhythm."""


def traffic(store: Store, window: Window, references: Mapping[str, Reference | None]) -> Traffic:
    """Nothing is asked where no reference has a rhythm."""
    weekly = {
        (reference.reference, feature.feature): reference.model
        for reference in references.values()
        if reference is not None
        for feature in reference.features
        if feature.hours
    }
    if not weekly:
        return {}
    models = sorted(set(weekly.values()))
    rows = store.query("feature_hours", models=models, start=window.start, end=window.end).to_pylist()
    found: dict[Key, Integers] = defaultdict(lambda: np.zeros(HOURS, np.int64))
    for row in rows:
        if (row["reference"], row["feature"]) in weekly:
            key = Key(row["model"], row["model_version"], row["feature"], row["reference"])
            found[key][row["hour"]] = row["count"]
    return found


def compared(bins: FeatureBins, key: Key, by_hour: Traffic) -> FeatureBins:
    """The feature as it was in the hours that the window's events are of; else as it was in all."""
    return at_hours(bins, by_hour[key]) if bins.hours and key in by_hour else bins
