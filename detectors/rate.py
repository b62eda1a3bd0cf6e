"""The verdict on a rate that must not rise: shared by accuracy and the latency objective."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from detectors import e_detector, rate_ratios
from detectors.finding import Finding, Level
from detectors.parameters import Parameters
from detectors.subject import Subject, integers, minutes_of

LOWEST_BOUND = 1e-6
"""A tolerated rate of zero would make a single hit infinite evidence."""


def judge(
    detector: str,
    minutes: pa.Table,
    hits: str,
    subject: Subject,
    bound: float,
    phi: float,
    parameters: Parameters,
    evidence: dict[str, float | int | str],
) -> Finding:
    """Whether the share of `hits` in `count` (columns of `minutes`) is above `bound`.

    A row with count 0 is a minute with traffic of which nothing is known yet: it shows that the version is
    alive and counts neither for nor against it.
    """
    if minutes.num_rows == 0:
        return subject.unjudged(detector, "not_enough_data", parameters)
    total = int(integers(minutes, "count").sum())
    if subject.is_stale(minutes_of(minutes).max(), parameters):
        return subject.unjudged(detector, "stale", parameters, total, **evidence)
    if total < parameters.rate_minimum_count:
        return subject.unjudged(detector, "not_enough_data", parameters, total, **evidence)
    # Partial rows of a minute are one row: how traffic was cut must not change a verdict.
    sums = minutes.group_by("minute").aggregate([("count", "sum"), (hits, "sum")])
    rows = sums.rename_columns(["minute", "count", hits]).sort_by("minute")
    count, hit, times = integers(rows, "count"), integers(rows, hits), minutes_of(rows)
    total_hits = int(hit.sum())
    known = count > 0
    tolerated = min(max(bound, LOWEST_BOUND), 1.0 - LOWEST_BOUND)
    ratios = rate_ratios.log_ratios(count[known], hit[known], tolerated, max(phi, 1.0))
    numbers = {hits: total_hits, "rate": total_hits / total, "bound": bound, "phi": max(phi, 1.0)}
    return concluded(detector, ratios, times[known], total, subject, parameters, {**evidence, **numbers})


def concluded(
    detector: str,
    ratios: np.ndarray,
    times: np.ndarray,
    count: int,
    subject: Subject,
    parameters: Parameters,
    evidence: dict[str, float | int | str],
) -> Finding:
    """What the e-detector says of `ratios` (T, K), ln of each minute under each of K alternatives."""
    width = ratios.shape[1]
    ceiling = e_detector.ceiling(parameters.log_act, width)
    log_evidence = e_detector.log_mean(e_detector.run(ratios, e_detector.fresh(width), ceiling).evidence)
    level, since = _verdict(log_evidence, times, parameters)
    return Finding(
        detector, subject.model, subject.model_version, level, subject.start, subject.end, count,
        float(log_evidence[-1]), parameters.log_warn, parameters.log_act,
        None if since is None else since.astype("datetime64[us]").item(), evidence,
    )  # fmt: skip


def _verdict(
    log_evidence: np.ndarray, times: np.ndarray, parameters: Parameters
) -> tuple[Level, np.datetime64 | None]:
    """The level of the newest minute, and the minute at which its episode reached that level."""
    newest = log_evidence[-1]
    if newest < parameters.log_warn:
        return "ok", None
    level: Level = "act" if newest >= parameters.log_act else "warn"
    bar = parameters.log_act if level == "act" else parameters.log_warn
    at = e_detector.first_of_last_episode(log_evidence, bar, parameters.log_warn)
    return level, None if at is None else times[at]
