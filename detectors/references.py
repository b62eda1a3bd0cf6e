"""A reference: how a model's inputs, scores and results looked when it was known to be right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeatureBins:
    """Bins of one feature: numeric by inner `edges` (bin i holds edges[i-1] < x <= edges[i]), or by category."""

    feature: str
    edges: tuple[float, ...] | None
    categories: tuple[str, ...] | None
    counts: tuple[int, ...]
    """Reference counts per bin."""
    missing: int
    unseen: int
    phi: float
    """Overdispersion of minute counts in the reference, at least 1."""


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
    """Piecewise-linear calibrator of the score (or confidence): empty is the identity."""
    calibrator_y: tuple[float, ...]
    labelled: int
    errors: int
    """Errors among `labelled` reference predictions."""
    phi_errors: float
    latency_objective_seconds: float | None
    """SLO bound of the latency."""
    latency_budget: float
    """Allowed share of requests over the bound."""
