"""Judge of the latency objective: do more requests exceed it than the budget allows?"""

from __future__ import annotations

import pyarrow as pa

from detectors import rate
from detectors.finding import Finding
from detectors.parameters import Parameters
from detectors.references import LATENCY
from detectors.subject import Subject

NAME = "latency_objective"
METRIC = LATENCY
"""The latency that an objective bounds, as in the fact latency_bins: request to last byte."""


def judge(minutes: pa.Table, subject: Subject, parameters: Parameters) -> Finding:
    """`minutes` has minute, count (timed requests) and over (those in a bucket above the objective's).

    Requests in the objective's own bucket count as within it: at scale 5 that forgives at most 2.2 %.
    """
    reference = subject.reference
    if reference is None or not reference.latency_objective_seconds:
        return subject.unjudged(NAME, "no_reference", parameters)
    evidence: dict[str, float | int | str] = {
        "reference": reference.reference,
        "objective_seconds": reference.latency_objective_seconds,
    }
    budget, phi = reference.latency_budget, max(reference.phi_over, parameters.latency_phi)
    return rate.judge(NAME, minutes, "over", subject, budget, phi, parameters, evidence)
