"""Judges of the objectives on times: do more requests exceed one than the budget allows?"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from detectors import rate
from detectors.finding import Finding
from detectors.latency import METRICS
from detectors.parameters import Parameters
from detectors.references import LATENCY
from detectors.subject import Asked, Subject

METRIC = LATENCY
"""The latency that an objective bounds, as in the fact latency_bins: request to last byte."""
NAMES = {metric: f"{metric}_objective" for metric in METRICS}
"""The detector of each measured time; of a language model also the first token's, and each later one's."""
NAME = NAMES[METRIC]


def judge(minutes: pa.Table, subject: Subject, parameters: Parameters, *, metric: str = METRIC) -> Finding:
    """`minutes` has minute, count (timed requests) and over (those in a bucket above the objective's).

    Requests in the objective's own bucket count as within it: at scale 5 that forgives at most 2.2 %.
    """
    return judge_all([(minutes, subject)], parameters, metric=metric)[0]


def judge_all(asked: Sequence[Asked], parameters: Parameters, *, metric: str = METRIC) -> list[Finding]:
    """The same of many versions, whose minutes are gone through side by side."""
    cases = [_case(*one, parameters, metric) for one in asked]
    return rate.judge(NAMES[metric], "over", cases, parameters)


def _case(minutes: pa.Table, subject: Subject, parameters: Parameters, metric: str) -> rate.Case | Finding:
    reference = subject.reference
    objective = None if reference is None else reference.objective(metric)
    if reference is None or not objective:
        return subject.unjudged(NAMES[metric], "no_reference", parameters)
    evidence: dict[str, float | int | str] = {
        "reference": reference.reference,
        "objective_seconds": objective,
    }
    phi = max(reference.over_phi(metric), parameters.latency_phi)
    return rate.Case(minutes, subject, reference.latency_budget, phi, evidence)
