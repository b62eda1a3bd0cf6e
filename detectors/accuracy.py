"""Judge of accuracy: does a model version err more often than it did when it was known to be right?"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from detectors import rate
from detectors.finding import Finding
from detectors.intervals import clopper_pearson_upper
from detectors.parameters import Parameters
from detectors.subject import Asked, Subject, integers

NAME = "accuracy"


def judge(minutes: pa.Table, subject: Subject, parameters: Parameters) -> Finding:
    """`minutes` has minute, predictions, count (labelled) and errors, by the minute of the prediction.

    The tolerated error rate is the upper confidence bound of the reference's rate plus a tolerance.
    """
    return judge_all([(minutes, subject)], parameters)[0]


def judge_all(asked: Sequence[Asked], parameters: Parameters) -> list[Finding]:
    """The same of many versions, whose minutes are gone through side by side."""
    return rate.judge(NAME, "errors", [_case(*one, parameters) for one in asked], parameters)


def _case(minutes: pa.Table, subject: Subject, parameters: Parameters) -> rate.Case | Finding:
    reference = subject.reference
    if reference is None or reference.labelled == 0:
        return subject.unjudged(NAME, "no_reference", parameters)
    phi = max(reference.phi_errors, 1.0)
    evidence: dict[str, float | int | str] = {
        "reference": reference.reference,
        "reference_rate": reference.errors / reference.labelled,
        "predictions": int(integers(minutes, "predictions").sum()),
    }
    bound = tolerated(reference.errors, reference.labelled, phi, parameters)
    return rate.Case(minutes, subject, bound, phi, evidence)


def tolerated(errors: int, labelled: int, phi: float, parameters: Parameters) -> float:
    """The highest error rate that is no harm, where so many of the reference's labelled were errors."""
    # Errors that vary phi times as much tell as much of their rate as a phi-th of them would.
    upper = clopper_pearson_upper(errors / phi, labelled / phi, parameters.accuracy_confidence)
    return upper + parameters.accuracy_tolerance
