"""Two real scikit-learn models on data that ships with scikit-learn; version 2 of one is worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]

DRIFT = 1.2
"""Factor of a drifting feature: a PSI of 0.3 to 0.7 here, while accuracy stays as it is."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model said about n rows: features (n, k), predicted class, its probability, the true class."""

    features: Floats
    prediction: Texts
    probability: Floats
    """Of the positive class for a binary model, of the predicted class otherwise."""
    truth: Texts


@dataclass(frozen=True, slots=True)
class DemoModel:
    """A served model: its versions, and unseen rows that stand for the live traffic."""

    name: str
    feature_names: tuple[str, ...]
    positive_class: str | None
    versions: dict[str, Any]
    rows: Floats
    truth: Texts
    drifting: tuple[int, ...] = ()
    """Features that come out larger from `drifts_from` on."""
    drifts_from: int = 2**62
    """Microseconds since 1970 UTC."""

    def answer(self, version: str, moments: npt.NDArray[np.int64], rng: np.random.Generator) -> Answers:
        """A request a moment, drawn from the live rows and answered by one version."""
        count = len(moments)
        drawn = rng.integers(0, len(self.rows), count)
        # A little measurement noise, so that the same row is not the same request each time.
        features = self.rows[drawn] * rng.normal(1.0, 0.01, (count, self.rows.shape[1]))
        drifted = np.flatnonzero(moments >= self.drifts_from)
        features[np.ix_(drifted, np.array(self.drifting, dtype=np.int64))] *= DRIFT
        model = self.versions[version]
        probabilities = model.predict_proba(features)
        best = probabilities.argmax(axis=1)
        if self.positive_class is None:
            probability = probabilities[np.arange(count), best]
        else:
            probability = probabilities[:, list(model.classes_).index(self.positive_class)]
        return Answers(features, model.classes_[best], probability, self.truth[drawn])


def _fit(features: Floats, truth: Texts) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000)).fit(features, truth)


def tumour_screen(seed: int) -> DemoModel:
    """Benign or malignant from ten cell measurements; version 2 learned from an export with wrong labels."""
    data = load_breast_cancer()
    features, truth = data.data[:, :10], np.array(["malignant", "benign"])[data.target]
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(features))
    learn, live = order[:200], order[200:]
    wrong = truth[learn].copy()
    flipped = rng.random(len(learn)) < np.where(wrong == "malignant", 0.85, 0.05)
    wrong[flipped] = np.where(wrong[flipped] == "malignant", "benign", "malignant")
    versions = {"1": _fit(features[learn], truth[learn]), "2": _fit(features[learn], wrong)}
    names = tuple(str(n).replace("mean ", "") for n in data.feature_names[:10])
    return DemoModel("tumour-screen", names, "malignant", versions, features[live], truth[live])


def digit_reader(seed: int, drifts_from: int) -> DemoModel:
    """Handwritten digits from the mean ink of each row and column of the image.

    From `drifts_from` on a new scanner darkens the top of the images: inputs drift, answers stay right.
    """
    data = load_digits()
    images = data.images
    features = np.concatenate([images.mean(axis=2), images.mean(axis=1)], axis=1)
    truth = data.target.astype(str)
    order = np.random.default_rng(seed).permutation(len(features))
    learn, live = order[:900], order[900:]
    names = tuple([f"ink row {i}" for i in range(8)] + [f"ink column {i}" for i in range(8)])
    versions = {"1": _fit(features[learn], truth[learn])}
    return DemoModel(
        "digit-reader", names, None, versions, features[live], truth[live], (0, 1, 2), drifts_from
    )
