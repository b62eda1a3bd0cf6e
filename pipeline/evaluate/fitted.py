"""What the data is compared with: everything learnt from the reference's rows, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from detectors import loss_estimate
from detectors.binning import Values
from detectors.cbpe import Calibration
from detectors.codes import Mask, Text
from detectors.domain_classifier import DomainClassifier
from detectors.encoding import Encoding
from detectors.loss_estimate import LossEstimate
from detectors.minutes import Floats
from detectors.reconstruction import Reconstruction
from detectors.reference_bins import quantile_edges
from detectors.sample_distances import Categories, Numbers
from pipeline.evaluate.columns import Columns
from pipeline.evaluate.problem import Problem
from pipeline.evaluate.sample import Sample

FEWEST_ROWS = 100
"""Of a reference, below which principal axes say nothing."""


class Distribution(Protocol):
    """Numbers, Categories or Binned."""

    def distances(self, values: Values) -> dict[str, float]: ...

    def unseen(self, values: Values) -> int: ...


class ExpectedLoss(Protocol):
    """LossEstimate, or BinnedLoss of a registered reference."""

    @property
    def spread(self) -> float: ...

    def expected(self, features: Mapping[str, Values], predicted: Floats) -> Floats: ...


@dataclass(frozen=True)
class Fitted:
    """None where the reference had nothing to learn it from."""

    problem: Problem
    distributions: dict[str, Distribution | None]
    """Of each feature, score, prediction and label, by its column."""
    missing: dict[str, float]
    """Share of missing values of each feature."""
    calibration: Calibration | None
    strata: Floats
    """Edges of the score bins by which labels are weighted."""
    losses: Mapping[str, ExpectedLoss]
    """absolute and squared, of a regression."""
    largest_loss: float
    """A loss that one in a thousand of the reference exceeds."""
    reconstruction: Reconstruction | None
    domain: DomainClassifier | None


def fit(sample: Sample, columns: Columns, problem: Problem) -> Fitted:
    named = distributed(sample, columns)
    encoding = Encoding.of(sample.features)
    losses, largest = _losses(sample, encoding) if problem.kind == "regression" else ({}, 0.0)
    whole = len(sample.features) >= 2 and sample.rows >= FEWEST_ROWS
    return Fitted(
        problem=problem,
        distributions={name: _distribution(values) for name, values in named.items()},
        missing={name: _share(values) for name, values in named.items()},
        calibration=_calibration(sample, problem),
        strata=np.asarray(quantile_edges(stratum_scores(sample)), np.float64),
        losses=losses,
        largest_loss=largest,
        reconstruction=Reconstruction.of(sample.features, encoding) if whole else None,
        domain=DomainClassifier.of(sample.features, encoding) if whole else None,
    )


def narrowed(fitted: Fitted, sample: Sample, columns: Columns) -> Fitted:
    """The same for a part of the reference: its own distributions, and what all rows taught."""
    named = distributed(sample, columns)
    return replace(
        fitted,
        distributions={name: _distribution(values) for name, values in named.items()},
        missing={name: _share(values) for name, values in named.items()},
        reconstruction=None,
        domain=None,
    )


def _distribution(values: Values) -> Distribution | None:
    return Categories.of(values) if isinstance(values, Text) else Numbers.of(values)


def _share(values: Values) -> float:
    """Of missing values; 0 where there is no row."""
    missing = is_missing(values)
    return float(missing.mean()) if len(missing) else 0.0


def distributed(sample: Sample, columns: Columns) -> dict[str, Values]:
    """Every column whose distribution is compared, by its name."""
    found: dict[str, Values] = dict(sample.features)
    if sample.scores is not None:
        names = [columns.score] if columns.score else [column for _, column in columns.scores]
        found.update(zip(names, sample.scores.T, strict=True))
    for name, values in (
        (columns.prediction, sample.prediction if sample.predicted is None else sample.predicted),
        (columns.label, sample.label if sample.actual is None else sample.actual),
    ):
        if values is not None:
            found[name] = values
    return found


def is_missing(values: Values) -> Mask:
    return values.equals("") if isinstance(values, Text) else ~np.isfinite(values)


def stratum_scores(sample: Sample) -> Floats:
    """The score of the positive class, or the largest of several; NaN where there is none."""
    if sample.scores is None:
        return np.full(sample.rows, np.nan)
    return np.asarray(sample.scores.max(axis=1))


def truth(sample: Sample, problem: Problem) -> Mask:
    """(n, K): which class each row's label says; all false without a label."""
    assert sample.label is not None
    return np.stack([sample.label.equals(name) for name in problem.classes], axis=1)


def is_labelled(sample: Sample) -> Mask:
    """Rows with a label."""
    if sample.actual is not None:
        return np.isfinite(sample.actual)
    return np.zeros(sample.rows, np.bool_) if sample.label is None else ~sample.label.equals("")


def _calibration(sample: Sample, problem: Problem) -> Calibration | None:
    if sample.scores is None or sample.label is None:
        return None
    usable = is_labelled(sample) & ~np.isnan(sample.scores).any(axis=1)
    if not usable.any():
        return None
    return Calibration.of(sample.scores[usable], truth(sample, problem)[usable])


def _losses(sample: Sample, encoding: Encoding) -> tuple[dict[str, LossEstimate], float]:
    if sample.predicted is None or sample.actual is None:
        return {}, 0.0
    loss = np.abs(sample.predicted - sample.actual)
    usable = np.flatnonzero(np.isfinite(loss))
    if len(usable) < loss_estimate.FEWEST:
        return {}, 0.0
    rows, predicted, loss = sample.at(usable).features, sample.predicted[usable], loss[usable]
    kinds = {"absolute": loss, "squared": loss**2}
    found = {name: LossEstimate.of(rows, predicted, of, encoding) for name, of in kinds.items()}
    return found, float(np.quantile(loss, 0.999))
