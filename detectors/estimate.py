"""Judge of the estimate itself: do labels say that calibrated scores still tell how often a model is right?

It never calls for an action.  What it finds invalid must not be believed, and nothing may rest on it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors.estimate_audit import ALPHA, gains, log_mix
from detectors.finding import Finding, Level
from detectors.parameters import Parameters
from detectors.references import Reference
from detectors.subject import Subject, integers, minutes_of

NAME = "estimate"
Floats = npt.NDArray[np.float64]
FEWEST = 30
"""Labels below which nothing is said, unless they reject the estimate already."""
LOG_BAR = float(-np.log(ALPHA))
NANO = 1e9


def expected(reference: Reference, score: Floats, positive: npt.NDArray[np.bool_]) -> Floats:
    """The chance that a prediction is right, (n,); `positive` is whether it says what the score is about."""
    chance = reference.calibrated(score)
    return np.asarray(np.where(positive, chance, 1.0 - chance))


def judge(minutes: pa.Table, subject: Subject, parameters: Parameters) -> Finding:
    """`minutes` has minute, right (0 or 1), score, positive and count of labelled predictions.

    Rows of a minute may be split and in any order: the gain of a bet is counted in billionths of a nat.
    """
    reference = subject.reference
    if reference is None or not reference.score_counts:
        return _said(subject.unjudged(NAME, "no_reference", parameters))
    if not minutes.num_rows:
        return _said(subject.unjudged(NAME, "not_enough_data", parameters))
    score = np.asarray(minutes.column("score").combine_chunks().to_numpy(zero_copy_only=False), np.float64)
    positive = np.asarray(
        minutes.column("positive").combine_chunks().to_numpy(zero_copy_only=False), np.bool_
    )
    right, count = integers(minutes, "right"), integers(minutes, "count")
    times, row = np.unique(minutes_of(minutes), return_inverse=True)
    chance = expected(reference, score, positive)
    exact = np.rint(gains(right - chance) * NANO).astype(np.int64) * count[:, None]
    by_minute = np.zeros((len(times), exact.shape[1]), np.int64)
    np.add.at(by_minute, row, exact)
    evidence = np.maximum.accumulate(np.round(log_mix(np.cumsum(by_minute, axis=0) / NANO), 9))
    total, reached = int(count.sum()), np.flatnonzero(evidence >= LOG_BAR)
    numbers: dict[str, float | int | str] = {
        "reference": reference.reference,
        "accuracy": float((right * count).sum() / total),
        "estimated": float(np.round((np.round(chance * NANO) * count).sum() / NANO / total, 9)),
    }
    if not len(reached) and total < FEWEST:
        return _said(subject.unjudged(NAME, "not_enough_data", parameters, total, **numbers))
    level: Level = "invalid" if len(reached) else "ok"
    since = times[reached[0]].astype("datetime64[us]").item() if len(reached) else None
    return Finding(
        NAME, subject.model, subject.model_version, level, subject.start, subject.end, total,
        float(evidence[-1]), LOG_BAR, LOG_BAR, since, numbers,
    )  # fmt: skip


def _said(finding: Finding) -> Finding:
    """Its bar is that of the audit, at which a right estimate is rejected with a chance of ALPHA at most."""
    return replace(finding, log_warn=LOG_BAR, log_act=LOG_BAR)
