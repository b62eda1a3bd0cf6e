"""Every judge by the name of its detector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pyarrow as pa

from detectors import (
    accuracy,
    answer_endings,
    canary,
    drift,
    estimate,
    evaluation,
    latency_objective,
    segment_accuracy,
)
from detectors.finding import Finding
from detectors.parameters import Parameters
from detectors.references import LATENCY, Reference
from detectors.subject import Asked, Subject

Judge = Callable[[pa.Table, Subject, Parameters], Finding]
Together = Callable[[Sequence[Asked], Parameters], list[Finding]]

JUDGES: dict[str, Judge] = {
    accuracy.NAME: accuracy.judge,
    segment_accuracy.NAME: segment_accuracy.judge,
    **{
        name: partial(latency_objective.judge, metric=metric)
        for metric, name in latency_objective.NAMES.items()
    },
    drift.NAME: drift.judge,
    estimate.NAME: estimate.judge,
    evaluation.NAME: evaluation.judge,
    canary.NAME: canary.judge,
    **{name: partial(answer_endings.judge, name=name) for name in answer_endings.ENDINGS},
}

TOGETHER: dict[str, Together] = {
    accuracy.NAME: accuracy.judge_all,
    segment_accuracy.NAME: segment_accuracy.judge_all,
    **{name: partial(latency_objective.judge_all, metric=of) for of, name in latency_objective.NAMES.items()},
    **{name: partial(answer_endings.judge_all, name=name) for name in answer_endings.ENDINGS},
}
"""Those that look at many versions side by side, which costs less; they say the same of each."""


def _bounds(reference: Reference, metric: str) -> bool:
    return bool(reference.objective(metric))


def _has_segment(reference: Reference) -> bool:
    return reference.segment is not None


def _can_tell(reference: Reference, name: str) -> bool:
    return answer_endings.known(reference, name) is not None


ASKED_FOR: dict[str, Callable[[Reference], bool]] = {
    segment_accuracy.NAME: _has_segment,
    **{
        name: partial(_bounds, metric=metric)
        for metric, name in latency_objective.NAMES.items()
        if metric != LATENCY
    },
    **{name: partial(_can_tell, name=name) for name in answer_endings.ENDINGS},
}
"""Those that speak only of models whose reference asks for them."""


def judged(detector: str, asked: Sequence[Asked], parameters: Parameters) -> list[Finding]:
    """A finding a version, in their order."""
    if detector in TOGETHER:
        return TOGETHER[detector](asked, parameters)
    return [JUDGES[detector](minutes, subject, parameters) for minutes, subject in asked]
