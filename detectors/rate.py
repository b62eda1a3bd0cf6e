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
Ints = npt.NDArray[np.int64]
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

    ratios: Floats
    """(T, K): L of each minute under each of K alternatives."""
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
    told = [_counted(detector, hits, one, parameters) if isinstance(one, Case) else one for one in cases]
    known = [one for one in told if isinstance(one, _Counted)]
    run = iter(concluded(detector, _ratios(hits, known), parameters))
    return [next(run) if isinstance(one, _Counted) else one for one in told]


class _Counted(NamedTuple):
    """One version with events enough."""

    case: Case
    total: int
    times: Times
    """(T,): minutes of which something is known, ascending."""
    seen: Ints
    """(T,): events of each, `hits` of them counted."""
    hits: Ints


def _counted(detector: str, hits: str, case: Case, parameters: Parameters) -> _Counted | Finding:
    minutes, subject, _, _, evidence = case
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
    known = count > 0
    return _Counted(case, total, times[known], count[known], hit[known])


def _ratios(hits: str, known: Sequence[_Counted]) -> list[Ratios]:
    """What the minutes of each say, reckoned once for all."""
    if not known:
        return []
    sizes = [len(one.times) for one in known]
    count, hit = (np.concatenate(of) for of in zip(*((one.seen, one.hits) for one in known), strict=True))
    bounds = [min(max(one.case.bound, LOWEST_BOUND), 1.0 - LOWEST_BOUND) for one in known]
    phis = [max(one.case.phi, 1.0) for one in known]
    place = np.repeat(np.arange(len(known)), sizes)
    ratios = rate_ratios.of_many(count, hit, place, np.array(bounds), np.array(phis))
    found = []
    for one, phi, mine in zip(known, phis, np.split(ratios, np.cumsum(sizes)[:-1]), strict=True):
        total_hits = int(one.hits.sum())
        rates = {hits: total_hits, "rate": total_hits / one.total, "bound": one.case.bound, "phi": phi}
        evidence = {**one.case.evidence, **rates}
        found.append(Ratios(mine, one.times, one.total, one.case.subject, evidence))
    return found


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
    ceiling = e_detector.ceiling(parameters.log_act, told[0].ratios.shape[1])
    for one in evidence([one.ratios for one in told], ceiling):
        newest = float(e_detector.log(np.array([one.newest]))[0])
        calm = newest < parameters.log_warn
        yield np.array([newest]) if calm else e_detector.log(one.means), newest


class Evidence(NamedTuple):
    """Of one stream, its K e-detectors."""

    newest: float
    """Their mean after the last minute."""
    each: Floats
    """(T, K): M_k after each minute."""

    @property
    def means(self) -> Floats:
        """(T,): the mean after each minute."""
        return np.asarray(self.each.sum(axis=1) / self.each.shape[1])


def evidence(ratios: Sequence[Floats], log_ceiling: float) -> Iterator[Evidence]:
    """What the e-detectors of each stream say, of its ratios (T, K).

    Streams do not touch each other, so they run side by side whatever their minutes are.
    """
    width = max((of.shape[1] for of in ratios), default=1)
    longest = max((len(of) for of in ratios), default=1)
    at_once = max(1, AT_ONCE // (width * max(longest, 1)))
    for first in range(0, len(ratios), at_once):
        some = ratios[first : first + at_once]
        lengths = np.array([len(of) for of in some])
        wide = np.zeros((int(lengths.max()), len(some), width))
        for at, of in enumerate(some):
            wide[: len(of), at] = of
        flat = wide.reshape(len(wide), -1)
        each = e_detector.run_of(flat, e_detector.fresh(flat.shape[1]), log_ceiling).evidence.reshape(
            wide.shape
        )
        newest = each[lengths - 1, np.arange(len(some))].sum(axis=1) / width
        for at, (length, last) in enumerate(zip(lengths.tolist(), newest.tolist(), strict=True)):
            yield Evidence(last, each[:length, at])


def verdict(log_evidence: Floats, times: Times, parameters: Parameters) -> tuple[Level, np.datetime64 | None]:
    """The level of the newest minute, and the minute at which its episode reached that level."""
    newest = log_evidence[-1]
    if newest < parameters.log_warn:
        return "ok", None
    level: Level = "act" if newest >= parameters.log_act else "warn"
    bar = parameters.log_act if level == "act" else parameters.log_warn
    at = e_detector.first_of_last_episode(log_evidence, bar, parameters.log_warn)
    return level, None if at is None else times[at]
