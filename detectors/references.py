"""A reference: how a model's inputs, scores and results looked when it was known to be right."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from detectors.ranks import ranks

Floats = npt.NDArray[np.float64]

LATENCY = "latency"
"""The time that the judge's objective bounds: request to last byte."""


@dataclass(frozen=True, slots=True)
class FeatureBins:
    """Bins of one feature: by inner `edges` (bin i holds edges[i-1] < x <= edges[i]), or by category."""

    feature: str
    edges: tuple[float, ...] | None
    categories: tuple[str, ...] | None
    counts: tuple[int, ...]
    """Reference counts per bin."""
    missing: int
    unseen: int
    phi: float
    """Overdispersion of minute counts in the reference, at least 1."""
    hours: tuple[int, ...] = ()
    """Counts by hour of the week, Monday 00:00 UTC first: 168 times the bins, missing, unseen.  Empty where
    the hours do not differ, or were not seen twice."""


class SegmentLabels(NamedTuple):
    """How often the reference's labelled predictions of one segment were wrong."""

    segment: str
    """Category, or as detectors/segments.py names the others; '' is of no category."""
    labelled: int
    errors: int
    phi: float
    """Overdispersion of its errors by minute."""


class Losses(NamedTuple):
    """How far a regression's labelled predictions were off, by the bin of the predicted number."""

    absolute: tuple[float, ...]
    """Mean absolute loss of each score bin."""
    squared: tuple[float, ...]
    spread: tuple[float, float]
    """Standard deviation of a row's absolute, and squared, loss around its bin's."""
    largest: float
    """One that one in a thousand exceeds."""


_LATER: dict[str, Any] = {
    "loss_limit": None, "segment": None, "segment_labels": (), "objectives": (), "objective_phis": (),
    "sample_rows": 0, "losses": None,
}  # fmt: skip
"""Fields that came after the first references, and what they are where nothing was asked for."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Immutable; `reference` is its identity, for example fraud@3f2a."""

    reference: str
    model: str
    positive_class: str | None
    """Class whose probability `score` is; None is multiclass (use `confidence`)."""
    features: tuple[FeatureBins, ...]
    score_edges: tuple[float, ...]
    score_counts: tuple[int, ...]
    calibrator_x: tuple[float, ...]
    """Piecewise-linear calibrator of the score (or confidence), two points or more; empty is the identity."""
    calibrator_y: tuple[float, ...]
    labelled: int
    errors: int
    """Errors among `labelled` reference predictions."""
    phi_errors: float
    latency_objective_seconds: float | None
    """SLO bound of the latency."""
    latency_budget: float
    """Allowed share of requests over the bound."""
    classes: tuple[str, ...] = ()
    """True classes of the labelled predictions, the most frequent first."""
    class_counts: tuple[int, ...] = ()
    evaluators: tuple[FeatureBins, ...] = ()
    """Evaluation scores by evaluator with its version: one that is not here judges by another measure."""
    phi_over: float = 1.0
    """Overdispersion of the requests over the objective; 1 where it was not measured."""
    loss_limit: float | None = None
    """Of a regression: the absolute loss above which a prediction is an error; None of classes."""
    segment: str | None = None
    """Feature by whose categories predictions are told apart; None is all of them as one."""
    segment_labels: tuple[SegmentLabels, ...] = ()
    """Of each segment in the reference; empty where they were not counted."""
    objectives: tuple[tuple[str, float], ...] = ()
    """Bounds in seconds of other measured times than the latency, by metric; the budget is the same."""
    objective_phis: tuple[float, ...] = ()
    """Overdispersion of the requests over each of `objectives`; empty where it was not measured."""
    sample_rows: int = 0
    """Rows an hour of each version whose features are kept; 0 keeps none."""
    losses: Losses | None = None
    """Of a regression with labels enough, whose score bins are of the predicted number."""

    @property
    def score_column(self) -> str:
        """Column of an inference event that the score bins and the calibrator are about."""
        if self.losses is not None:
            return "predicted_value"
        return "confidence" if self.positive_class is None else "score"

    def objective(self, metric: str) -> float | None:
        """Seconds that a request may take by this metric; None where nothing is promised."""
        return self.latency_objective_seconds if metric == LATENCY else dict(self.objectives).get(metric)

    def over_phi(self, metric: str) -> float:
        """Overdispersion of the requests over the objective of this metric, 1 where it was not measured."""
        if metric == LATENCY:
            return self.phi_over
        known = [name for name, _ in self.objectives]
        return dict(zip(known, self.objective_phis, strict=False)).get(metric, 1.0)

    def calibrated(self, scores: Floats) -> Floats:
        """Probability of the positive class, or of being right, for each score; shape (n,), NaN stays."""
        if not self.calibrator_x:
            return scores
        x, y, slope = _pieces(self.calibrator_x, self.calibrator_y)
        within = np.minimum(np.maximum(scores, x[0]), x[-1])
        piece = ranks(x[1:-1], within)
        found: Floats = y[piece] + slope[piece] * (within - x[piece])
        return found

    def identified(self) -> Self:
        """The same content under the identity that follows from it: model@ and 12 digits of its SHA-256."""
        digest = hashlib.sha256(replace(self, reference="").to_json().encode()).hexdigest()
        return replace(self, reference=f"{self.model}@{digest[:12]}")

    def to_json(self) -> str:
        """Canonical JSON: keys sorted, no spaces; equal references give equal text.  Numbers are finite."""
        content = asdict(self)
        for name, none in _LATER.items():
            if content[name] == none:
                del content[name]  # a reference without it keeps the identity that it had before it came
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, content: str) -> Self:
        """The reference that `to_json` wrote; ValueError or TypeError on anything else."""
        found: dict[str, Any] = json.loads(content)
        features = _bins(found.pop("features"))
        evaluators = _bins(found.pop("evaluators", []))
        found.pop("hours_of_week", None)  # counts of predictions, which no verdict ever used
        objectives = tuple((metric, seconds) for metric, seconds in found.pop("objectives", []))
        off_by = found.pop("losses", None)
        values = (tuple(of) if isinstance(of, list) else of for of in off_by or ())
        losses = None if off_by is None else Losses._make(values)
        segments = tuple(SegmentLabels(*of) for of in found.pop("segment_labels", []))
        return cls(
            features=features,
            evaluators=evaluators,
            objectives=objectives,
            segment_labels=segments,
            losses=losses,
            **_tuples(found),
        )


@lru_cache(maxsize=64)
def _pieces(x: tuple[float, ...], y: tuple[float, ...]) -> tuple[Floats, Floats, Floats]:
    """Start, value there and slope of each piece of the line through the points."""
    return np.array(x), np.array(y), np.diff(y) / np.diff(x)


def _bins(listed: list[dict[str, Any]]) -> tuple[FeatureBins, ...]:
    return tuple(FeatureBins(**_tuples(feature)) for feature in listed)


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
