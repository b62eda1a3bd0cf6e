"""Every judge by the name of its detector."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from detectors import accuracy, canary, drift, estimate, evaluation, latency_objective
from detectors.finding import Finding
from detectors.parameters import Parameters
from detectors.subject import Subject

Judge = Callable[[pa.Table, Subject, Parameters], Finding]

JUDGES: dict[str, Judge] = {
    accuracy.NAME: accuracy.judge,
    latency_objective.NAME: latency_objective.judge,
    drift.NAME: drift.judge,
    estimate.NAME: estimate.judge,
    evaluation.NAME: evaluation.judge,
    canary.NAME: canary.judge,
}
