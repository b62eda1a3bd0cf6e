"""Judge of the estimate itself: do labels say that calibrated scores still tell how often a model is right?

It never calls for an action.  What it finds invalid must not be believed, and nothing may rest on it.

Predictions are audited by blocks of the look-back, which begin at fixed times, each in the order in which its
labels were said: one test a block, which looking at it every minute does not repeat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors.estimate_audit import ALPHA, gains, log_mix_up_to
from detectors.finding import Finding
from detectors.parameters import Parameters
from detectors.references import Reference
from detectors.subject import Subject, integers, minutes_of

NAME = "estimate"
Floats = npt.NDArray[np.float64]
FEWEST = 30
"""Labels below which nothing is said, unless they reject the estimate already."""
LOG_BAR = float(-np.log(ALPHA))
NANO = 1e9
FIRST_BLOCK = datetime(1970, 1, 5)
"""A Monday, UTC: blocks of the default seven days are calendar weeks."""


def expected(reference: Reference, score: Floats, positive: npt.NDArray[np.bool_]) -> Floats:
    """The chance that a prediction is right, (n,); `positive` is whether it says what the score is about."""
    chance = reference.calibrated(score)
    return np.asarray(np.where(positive, chance, 1.0 - chance))


def window_start(end: datetime, parameters: Parameters) -> datetime:
    """Start of the block that holds the beginning of the look-back: labels of it may still come."""
    block = timedelta(minutes=parameters.rate_look_back_minutes)
    return FIRST_BLOCK + (end - block - FIRST_BLOCK) // block * block


def judge(minutes: pa.Table, subject: Subject, parameters: Parameters) -> Finding:
    """`minutes` has minute, told (that of the label), right (0 or 1), score, positive and count (labelled).

    Rows of a minute may be split and in any order: the gain of a bet is counted in billionths of a nat, and
    divided by the overdispersion of the reference's errors, as every judge of rates does.
    """
    reference = subject.reference
    if reference is None or not reference.score_counts:
        return _said(subject.unjudged(NAME, "no_reference", parameters))
    if not minutes.num_rows:
        return _said(subject.unjudged(NAME, "not_enough_data", parameters, reference=reference.reference))
    score = np.asarray(minutes.column("score").combine_chunks().to_numpy(zero_copy_only=False), np.float64)
    positive = np.asarray(
        minutes.column("positive").combine_chunks().to_numpy(zero_copy_only=False), np.bool_
    )
    right, count = integers(minutes, "right"), integers(minutes, "count")
    chance = expected(reference, score, positive)
    phi = max(reference.phi_errors, 1.0)
    exact = np.rint(gains(right - chance) * (NANO / phi)).astype(np.int64) * count
    told, made = minutes_of(minutes, "told"), minutes_of(minutes)
    first, last = _block(np.array([made.min(), made.max()]), parameters).tolist()
    if first == last:
        audits = [_audit(told, exact)]
    else:
        block = _block(made, parameters)
        audits = [_audit(told[block == one], exact[:, block == one]) for one in np.unique(block)]
    evidence = max(highest for highest, _ in audits)
    reached = [since for _, since in audits if since is not None]
    total = int(count.sum())
    numbers: dict[str, float | int | str] = {
        "reference": reference.reference,
        "accuracy": float((right * count).sum() / total),
        "estimated": float(np.round((np.round(chance * NANO) * count).sum() / NANO / total, 9)),
    }
    if not reached and total < FEWEST:
        return _said(subject.unjudged(NAME, "not_enough_data", parameters, total, **numbers))
    return Finding(
        NAME, subject.model, subject.model_version, "invalid" if reached else "ok",
        subject.start, subject.end, total, evidence, LOG_BAR, LOG_BAR, min(reached, default=None), numbers,
    )  # fmt: skip


def latched(finding: Finding, rejected: Mapping[str, datetime]) -> Finding:
    """The finding, invalid if labels have ever rejected its reference: since when, by reference."""
    since = rejected.get(str(finding.evidence.get("reference")))
    return finding if since is None else replace(finding, level="invalid", since=since)


def _block(times: npt.NDArray[np.datetime64], parameters: Parameters) -> npt.NDArray[np.int64]:
    """The number of the block that each is in."""
    minutes = (times - np.datetime64(FIRST_BLOCK)) // np.timedelta64(1, "m")
    return np.asarray(minutes // parameters.rate_look_back_minutes)


def _audit(told: npt.NDArray[np.datetime64], exact: npt.NDArray[np.int64]) -> tuple[float, datetime | None]:
    """The highest evidence of a block, and the minute at which it was enough; `exact` is (8, n)."""
    order = np.argsort(told, kind="stable")
    times, so_far = told[order], np.cumsum(exact[:, order], axis=1)
    last = np.flatnonzero(np.r_[times[1:] != times[:-1], True])
    evidence = np.round(log_mix_up_to(so_far[:, last] / NANO, LOG_BAR), 9)
    reached = np.flatnonzero(evidence >= LOG_BAR)
    since = times[last[reached[0]]].astype("datetime64[us]").item() if len(reached) else None
    return float(evidence.max()), since


def _said(finding: Finding) -> Finding:
    """Its bar is that of the audit, at which a right estimate is rejected with a chance of ALPHA at most."""
    return replace(finding, log_warn=LOG_BAR, log_act=LOG_BAR)
