"""The newest verdict of each judge on each model version in a window, and which features it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from detectors import drift, evaluation
from pipeline.answers.evaluations import EVALUATION
from pipeline.answers.feature_distances import SCORE
from pipeline.answers.rhythm import Key
from pipeline.answers.window import Window
from pipeline.facts.control import FINDINGS
from pipeline.store import Store


class Verdict(NamedTuple):
    """The newest of one judge on one version."""

    level: str | None = None
    culprits: str = ""

    def names(self, feature: str) -> bool | None:
        """Whether it names the feature; None where there is no verdict."""
        return None if self.level is None else f", {feature}, " in f", {self.culprits}, "


Verdicts = Mapping[tuple[str, str, str], Verdict]
"""By detector, model and version."""


def verdicts(store: Store, window: Window) -> Verdicts:
    found = store.lasting("latest_levels", FINDINGS.name, start=window.start, end=window.end).to_pylist()
    return {
        (row["detector"], row["model"], row["model_version"]): Verdict(row["level"], row["culprits"])
        for row in found
    }


def about(key: Key, found: Verdicts) -> Verdict:
    """Of the judge that looks at the row; none looks at the score."""
    if key.feature == SCORE:
        return Verdict()
    detector = evaluation.NAME if key.feature.startswith(EVALUATION) else drift.NAME
    return found.get((detector, key.model, key.model_version), Verdict())
