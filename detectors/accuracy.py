"""Judge of accuracy: does a model version err more often than it did when it was known to be right?"""

from __future__ import annotations

import pyarrow as pa

from detectors import rate
from detectors.finding import Finding
from detectors.intervals import clopper_pearson_upper
from detectors.parameters import Parameters
from detectors.subject import Subject, integers

NAME = "accuracy"


def judge(minutes: pa.Table, subject: Subject, parameters: Parameters) -> Finding:
    """`minutes` has minute, predictions, count (labelled) and errors, by the minute of the prediction.

    The tolerated error rate is the upper confidence bound of the reference's rate plus a tolerance.
    """
    reference = subject.reference
    if reference is None or reference.labelled == 0:
        return subject.unjudged(NAME, "no_reference", parameters)
    phi = max(reference.phi_errors, 1.0)
    # Errors that vary phi times as much tell as much of their rate as a phi-th of them would.
    upper = clopper_pearson_upper(
        reference.errors / phi, reference.labelled / phi, parameters.accuracy_confidence
    )
    evidence: dict[str, float | int | str] = {
        "reference": reference.reference,
        "reference_rate": reference.errors / reference.labelled,
        "predictions": int(integers(minutes, "predictions").sum()),
    }
    bound = upper + parameters.accuracy_tolerance
    return rate.judge(NAME, minutes, "errors", subject, bound, phi, parameters, evidence)
