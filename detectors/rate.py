"""The verdict on a rate that must not rise: shared by accuracy and the objectives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors import e_detector, rate_ratios
from detectors.finding import Finding, Level
from detectors.parameters import Parameters
from detectors.subject import Subject, integers, minutes_of

LOWEST_BOUND = 1e-6
"""A tolerated rate of zero would make a single hit infinite evidence."""
AT_ONCE = 4_000_000
"""Numbers that are held at once where many streams run side by side."""
Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.datetime64]


class Case(NamedTuple):
    """One version whose share of hits in `count`, columns of `minutes`, must not be above `bound`."""

    minutes: pa.Table
    subject: Subject
    bound: float
    phi: float
    evidence: dict[str, float | int | str]


class Ratios(NamedTuple):
    """What the minutes of one version say, before the e-detector has gone through them."""

    log_ratios: Floats
    """(T, K): ln of each minute under each of K alternatives."""
    times: Times
    """(T,), ascending."""
    total: int
    """Events that the verdict rests on."""
    subject: Subject
    evidence: dict[str, float | int | str]


def judge(detector: str, hits: str, cases: Sequence[Case | Finding], parameters: Parameters) -> list[Finding]:
    """A finding a case, in their order; a case that is a finding already stays it.

    A row with count 0 is a minute with traffic of which nothing is known yet: it shows that the version is
    alive and counts neither for nor against it.
    """
    told = [_ratios(detector, hits, one, parameters) if isinstance(one, Case) else one for one in cases]
    run = iter(concluded(detector, [one for one in told if isinstance(one, Ratios)], parameters))
    return [next(run) if isinstance(one, Ratios) else one for one in told]


def _ratios(detector: str, hits: str, case: Case, parameters: Parameters) -> Ratios | Finding:
    minutes, subject, bound, phi, evidence = case
    if minutes.num_rows == 0:
        return subject.unjudged(detector, "not_enough_data", parameters)
    count, hit, times = integers(minutes, "count"), integers(minutes, hits), minutes_of(minutes)
    total = int(count.sum())
    if subject.is_stale(times.max(), parameters):
        return subject.unjudged(detector, "stale", parameters, total, **evidence)
    if total < parameters.rate_minimum_count:
        return subject.unjudged(detector, "not_enough_data", parameters, total, **evidence)
    if not (times[1:] > times[:-1]).all():
        # Partial rows of a minute are one row: how traffic was cut must not change a verdict.
        times, row = np.unique(times, return_inverse=True)
        count, hit = _sums(count, row, len(times)), _sums(hit, row, len(times))
    total_hits, known = int(hit.sum()), count > 0
    tolerated = min(max(bound, LOWEST_BOUND), 1.0 - LOWEST_BOUND)
    ratios = rate_ratios.log_ratios(count[known], hit[known], tolerated, max(phi, 1.0))
    numbers = {hits: total_hits, "rate": total_hits / total, "bound": bound, "phi": max(phi, 1.0)}
    return Ratios(ratios, times[known], total, subject, {**evidence, **numbers})


def _sums(values: npt.NDArray[np.int64], row: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.int64]:
    found = np.zeros(size, np.int64)
    np.add.at(found, row, values)
    return found


def concluded(detector: str, told: Sequence[Ratios], parameters: Parameters) -> list[Finding]:
    """What the e-detector says of each, all of as many alternatives."""
    found: list[Finding] = []
    for one, (log_evidence, newest) in zip(told, _side_by_side(told, parameters), strict=True):
        level, since = verdict(log_evidence, one.times, parameters)
        subject = one.subject
        found.append(
            Finding(
                detector, subject.model, subject.model_version, level, subject.start, subject.end,
                one.total, newest, parameters.log_warn, parameters.log_act,
                None if since is None else since.astype("datetime64[us]").item(), one.evidence,
            )
        )  # fmt: skip
    return found


def _side_by_side(told: Sequence[Ratios], parameters: Parameters) -> Iterator[tuple[Floats, float]]:
    """Of each ln of the evidence after each of its minutes, or of the newest where that warns of nothing."""
    if not told:
        return
    ceiling = e_detector.ceiling(parameters.log_act, told[0].log_ratios.shape[1])
    for means in evidence([one.log_ratios for one in told], ceiling):
        newest = float(e_detector.log(means[-1:])[0])
        calm = newest < parameters.log_warn
        yield np.array([newest]) if calm else e_detector.log(means), newest


def evidence(log_ratios: Sequence[Floats], log_ceiling: float) -> Iterator[Floats]:
    """Of each stream (T, K) the mean (T,) of its K e-detectors after each of its minutes.

    Streams do not touch each other, so they run side by side whatever their minutes are.
    """
    width = max((of.shape[1] for of in log_ratios), default=1)
    longest = max((len(of) for of in log_ratios), default=1)
    at_once = max(1, AT_ONCE // (width * max(longest, 1)))
    for first in range(0, len(log_ratios), at_once):
        some = log_ratios[first : first + at_once]
        lengths = np.array([len(of) for of in some])
        wide = np.zeros((int(lengths.max()), len(some), width))
        for at, of in enumerate(some):
            wide[: len(of), at] = of
        flat = wide.reshape(len(wide), -1)
        run = e_detector.run(flat, e_detector.fresh(flat.shape[1]), log_ceiling)
        means = run.evidence.reshape(wide.shape).sum(axis=2) / width
        yield from (means[:length, at] for at, length in enumerate(lengths.tolist()))


def verdict(log_evidence: Floats, times: Times, parameters: Parameters) -> tuple[Level, np.datetime64 | None]:
    """The level of the newest minute, and the minute at which its episode reached that level."""
    newest = log_evidence[-1]
    if newest < parameters.log_warn:
        return "ok", None
    level: Level = "act" if newest >= parameters.log_act else "warn"
    bar = parameters.log_act if level == "act" else parameters.log_warn
    at = e_detector.first_of_last_episode(log_evidence, bar, parameters.log_warn)
    return level, None if at is None else times[at]
