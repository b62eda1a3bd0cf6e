"""Judge of accuracy by segment: does a model version err more often in a part of its traffic than it did?

Each segment of the reference has an e-detector, against its own error rate there; the verdict is on their
mean over all of the reference's segments, which is an e-detector under any dependence, as in drift.  So the
promise is one for all segments of a version together, however many; e-BH names those that are worse, and
none where the mean is below the bar.  A segment with too few labels counts as evidence of nothing, which
only lowers the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from detectors import accuracy, e_detector, rate, rate_ratios
from detectors.drift import culprits
from detectors.finding import Finding, Level
from detectors.parameters import Parameters
from detectors.references import SegmentLabels
from detectors.segments import MISSING, MOST
from detectors.subject import Asked, Subject, integers, minutes_of

NAME = "segment_accuracy"
WIDTH = len(rate_ratios.GRID)
CEILED = WIDTH * (MOST + 1)
"""Alternatives of all segments that there may be: any one of them alone can lift the mean to the bar."""
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class _Part(NamedTuple):
    """One segment with labels enough."""

    known: SegmentLabels
    times: rate.Times
    labelled: int
    errors: int
    ratios: Floats


class _Rows(NamedTuple):
    """The labelled rows of one version, in segments with labels enough."""

    subject: Subject
    known: tuple[SegmentLabels, ...]
    small: tuple[str, ...]
    """Segments with too few labels."""
    place: Ints
    """(n,): of the segment among the known."""
    times: rate.Times
    labelled: Ints
    errors: Ints


class _Told(NamedTuple):
    subject: Subject
    parts: tuple[_Part, ...]
    small: tuple[str, ...]


def judge(minutes: pa.Table, subject: Subject, parameters: Parameters) -> Finding:
    """`minutes` has minute, segment, count (labelled) and errors, in any order and partial.

    Rows of count 0 show that the version is alive.  Segments that the reference does not have, and
    predictions without one, are not judged.
    """
    return judge_all([(minutes, subject)], parameters)[0]


def judge_all(asked: Sequence[Asked], parameters: Parameters) -> list[Finding]:
    """The same of many versions, whose segments are gone through side by side."""
    rows = [_rows(*one, parameters) for one in asked]
    told = _told([one for one in rows if isinstance(one, _Rows)], parameters)
    parts = [part.ratios for one in told for part in one.parts]
    evidence = iter(rate.evidence(parts, e_detector.ceiling(parameters.log_act, CEILED)))
    found = iter([_finding(one, [next(evidence) for _ in one.parts], parameters) for one in told])
    return [next(found) if isinstance(one, _Rows) else one for one in rows]


def judged_segments(known: Sequence[SegmentLabels]) -> tuple[SegmentLabels, ...]:
    """Those that the verdict is over: with labels in the reference, without the predictions that lack one."""
    return tuple(one for one in known if one.labelled and one.segment != MISSING)


def _rows(minutes: pa.Table, subject: Subject, parameters: Parameters) -> _Rows | Finding:
    reference = subject.reference
    known = judged_segments(reference.segment_labels) if reference else ()
    if reference is None or not known:
        return subject.unjudged(NAME, "no_reference", parameters)
    if minutes.num_rows == 0:
        return _unjudged(subject, "not_enough_data", parameters, 0, known)
    times, count, errors = minutes_of(minutes), integers(minutes, "count"), integers(minutes, "errors")
    place = _places(minutes, known)
    mine = (place >= 0) & (count > 0)
    totals = np.bincount(place[mine], count[mine], len(known)).astype(np.int64)
    if subject.is_stale(times.max(), parameters):
        return _unjudged(subject, "stale", parameters, int(totals.sum()), known)
    enough = totals >= parameters.rate_minimum_count
    if not enough.any():
        return _unjudged(subject, "not_enough_data", parameters, int(totals.sum()), known)
    mine &= enough[place]
    small = tuple(known[at].segment for at in np.flatnonzero(~enough))
    return _Rows(subject, known, small, place[mine], times[mine], count[mine], errors[mine])


def _unjudged(
    subject: Subject, level: Level, parameters: Parameters, count: int, known: Sequence[SegmentLabels]
) -> Finding:
    name = "" if subject.reference is None else subject.reference.reference
    return subject.unjudged(NAME, level, parameters, count, reference=name, segments=len(known))


def _places(minutes: pa.Table, known: Sequence[SegmentLabels]) -> Ints:
    """Of each row the place of its segment among the known, -1 for none."""
    encoded = minutes.column("segment").combine_chunks()
    if not pa.types.is_dictionary(encoded.type):
        encoded = pc.dictionary_encode(encoded)
    place = {one.segment: at for at, one in enumerate(known)}
    places = np.array([*(place.get(name, -1) for name in encoded.dictionary.to_pylist()), -1], np.int64)
    return np.asarray(places[encoded.indices.to_numpy()])


def _told(rows: Sequence[_Rows], parameters: Parameters) -> list[_Told]:
    """The minutes of each segment, partial rows summed, with what they say: of all versions in one go."""
    if not rows:
        return []
    known = [segment for one in rows for segment in one.known]
    before = np.cumsum([0, *(len(one.known) for one in rows)])
    place = np.concatenate([one.place + first for one, first in zip(rows, before.tolist(), strict=False)])
    columns = zip(*((one.times, one.labelled, one.errors) for one in rows), strict=True)
    times, count, errors = (np.concatenate(of) for of in columns)
    since = (times - times.min()).astype(np.int64)
    key = place * (since.max() + 1) + since  # one sort by segment, then minute
    order = np.argsort(key)
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    place, times = place[order[first]], times[order[first]]
    count, errors = (np.add.reduceat(of[order], first) for of in (count, errors))
    bounds = np.array([tolerated(one, parameters) for one in known])
    phis = np.array([max(one.phi, 1.0) for one in known])
    ratios = rate_ratios.of_many(count, errors, place, bounds, phis)
    begin = np.flatnonzero(np.diff(place, prepend=-1))
    end = [*begin[1:].tolist(), len(place)]
    sums = (np.add.reduceat(of, begin).tolist() for of in (count, errors))
    parts: dict[int, _Part] = {}
    for at, low, high, labelled, wrong in zip(place[begin].tolist(), begin.tolist(), end, *sums, strict=True):
        parts[at] = _Part(known[at], times[low:high], labelled, wrong, ratios[low:high])
    spans = zip(rows, before[:-1].tolist(), before[1:].tolist(), strict=True)
    return [
        _Told(one.subject, tuple(parts[at] for at in range(low, high) if at in parts), one.small)
        for one, low, high in spans
    ]


def tolerated(known: SegmentLabels, parameters: Parameters) -> float:
    """The highest error rate of the segment that is no harm."""
    bound = accuracy.tolerated(known.errors, known.labelled, max(known.phi, 1.0), parameters)
    return min(max(bound, rate.LOWEST_BOUND), 1.0 - rate.LOWEST_BOUND)


def _finding(told: _Told, evidence: list[rate.Evidence], parameters: Parameters) -> Finding:
    subject, reference = told.subject, told.subject.reference
    assert reference is not None and reference.segment is not None
    size = len(judged_segments(reference.segment_labels))
    log_evidence = float(e_detector.log(np.array([sum(of.newest for of in evidence) / size]))[0])
    each = e_detector.log(np.array([*(of.newest for of in evidence), *[0.0] * len(told.small)]))
    names = [f"{reference.segment}={n}" for n in (*(p.known.segment for p in told.parts), *told.small)]
    worse = {bar: set(culprits(names, each, bar)) for bar in (parameters.log_warn, parameters.log_act)}
    level: Level = "ok"
    since = None
    if log_evidence >= parameters.log_warn:
        level, since = rate.verdict(*_series(told.parts, evidence, size), parameters)
    named = culprits(names, each, parameters.log_warn)
    strongest = told.parts[int(np.argmax(each[: len(told.parts)]))]
    about = [part for part, name in zip(told.parts, names, strict=False) if not named or name in named]
    levels = {name: _level(name, worse, parameters) for name in names[: len(told.parts)]}
    return Finding(
        NAME, subject.model, subject.model_version, level, subject.start, subject.end,
        sum(part.labelled for part in about), log_evidence, parameters.log_warn, parameters.log_act,
        None if since is None else since.astype("datetime64[us]").item(),
        {
            "reference": reference.reference,
            "segments": size,
            "culprits": ", ".join(named),
            "strongest": f"{reference.segment}={strongest.known.segment}",
            "rate": strongest.errors / strongest.labelled,
            "errors": strongest.errors,
            "bound": tolerated(strongest.known, parameters),
            "reference_rate": strongest.known.errors / strongest.known.labelled,
            "phi": max(strongest.known.phi, 1.0),
            **levels,
            **{name: "not_enough_data" for name in names[len(told.parts) :]},
        },
    )  # fmt: skip


def _level(name: str, worse: dict[float, set[str]], parameters: Parameters) -> str:
    if name in worse[parameters.log_act]:
        return "act"
    return "warn" if name in worse[parameters.log_warn] else "ok"


def _series(
    parts: Sequence[_Part], evidence: Sequence[rate.Evidence], size: int
) -> tuple[Floats, rate.Times]:
    """ln of the mean after each minute, and the minutes; between its labels a segment stays as it was."""
    times = np.unique(np.concatenate([part.times for part in parts]))
    total = np.zeros(len(times))
    for part, of in zip(parts, evidence, strict=True):
        at = np.searchsorted(part.times, times, side="right")
        total += np.r_[0.0, of.means][at]
    return e_detector.log(total / size), times
