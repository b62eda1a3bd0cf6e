"""How often a rule alarms in a week in which nothing changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from detectors import canary
from tests.bench.detection import ours, peers, streams, windows
from tests.bench.detection.streams import DAY, KINDS, WEEK, Floats

RATE = 0.1
BUDGET = 0.01
"""Share of requests that may be over the objective, and that are: the worst that is still in order."""
SEGMENT_RATES = np.linspace(0.02, 0.4, 20)
"""Errors of each segment."""
ASKED = 0.01
"""Most unchanged weeks that may alarm at the defaults; none may call for an act."""
Row = dict[str, object]


def of_errors(count: int, minutes: int = WEEK) -> Iterator[Row]:
    """Our accuracy detector, by kind of traffic, without tolerance and with the default one."""
    for kind in KINDS:
        rng = np.random.default_rng(1)
        known = streams.errors(kind, RATE, DAY, count, rng)
        seen = streams.errors(kind, RATE, minutes, count, rng)
        for tolerance in (0.0, ours.P.accuracy_tolerance):
            peaks = ours.of_errors(known, seen, tolerance).max(axis=0)
            levels = _levels(peaks, minutes, ASKED if tolerance else None)
            yield {"traffic": kind, "rule": f"e-detector, tolerance {tolerance:g}", **levels}


def of_objective(count: int, minutes: int = WEEK) -> Iterator[Row]:
    """Our detector of requests over an objective, whose budget is just used up, by kind of traffic."""
    for kind in KINDS:
        rng = np.random.default_rng(6)
        known = streams.errors(kind, BUDGET, DAY, count, rng)
        seen = streams.errors(kind, BUDGET, minutes, count, rng)
        peaks = ours.of_objective(known, seen, BUDGET).max(axis=0)
        yield {"traffic": kind, "rule": "e-detector, budget 0.01", **_levels(peaks, minutes)}


def of_canary(count: int, minutes: int = WEEK) -> Iterator[Row]:
    """Our detector of a canary that errs as the stable version beside it, by kind of traffic."""
    for kind in KINDS:
        rng = np.random.default_rng(9)
        known = streams.errors(kind, RATE, DAY, count, rng)
        seen, stable = streams.split(kind, streams.errors(kind, RATE, minutes, count, rng), rng)
        peaks = ours.of_canary(known, seen, stable).max(axis=0)
        yield {"traffic": kind, "rule": f"e-detector, odds {canary.TOLERATED}", **_levels(peaks, minutes)}


def of_segments(count: int, minutes: int = WEEK) -> Iterator[Row]:
    """The one verdict on all segments of a version, which err differently often, by kind of traffic."""
    for kind in KINDS:
        rng = np.random.default_rng(8)
        peaks = np.empty(count)
        for week in range(count):
            known, seen = (_segments(kind, length, rng) for length in (DAY, minutes))
            peaks[week] = ours.of_segments(known, seen).max()
        rule = f"e-detector, mean of {len(SEGMENT_RATES)} segments"
        yield {"traffic": kind, "rule": rule, **_levels(peaks, minutes)}


def _segments(kind: str, minutes: int, rng: np.random.Generator) -> streams.Errors:
    each = [streams.errors(kind, float(rate), minutes, 1, rng) for rate in SEGMENT_RATES]
    return streams.Errors(np.hstack([of.count for of in each]), np.hstack([of.hits for of in each]))


def of_rhythm(count: int, minutes: int = WEEK) -> Iterator[Row]:
    """A mix that moves by the hour, the same way every day, against two weeks of it."""
    peaks = np.empty((2, count))
    rng = np.random.default_rng(7)
    for stream in range(count):
        known, seen = (
            streams.features("independent", streams.by_the_hour(length), 1, rng)[0]
            for length in (2 * WEEK, minutes)
        )
        for at, rhythm in enumerate((True, False)):
            peaks[at, stream] = np.log(ours.of_rhythm(known, seen, rhythm).max())
    mix = {"traffic": "mix by the hour"}
    yield {**mix, "rule": "e-detector, a histogram an hour of the week", **_levels(peaks[0], minutes)}
    yield {**mix, "rule": "e-detector, one histogram", **_levels(peaks[1], minutes, None)}


def of_features(
    count: int, features: int = 5, minutes: int = WEEK, kinds: Sequence[str] = tuple(KINDS)
) -> Iterator[Row]:
    """The mean over features of our histogram detector, and the usual rules on the first of them."""
    for kind in kinds:
        rng = np.random.default_rng(2)
        peaks, alarmed = np.empty(count), {name: 0 for name in windows.RULES}
        for stream in range(count):
            flat = np.broadcast_to(streams.normal_shares(), (minutes, 10))
            known = streams.features(kind, flat[:1].repeat(DAY, axis=0), features, rng)
            seen = streams.features(kind, flat, features, rng)
            evidence = ours.of_features(known, seen, ours.P.drift_rho)
            peaks[stream] = np.log(evidence.mean(axis=1).max())
            for name, rule in windows.RULES.items():
                alarmed[name] += bool(windows.alarms(known[0], seen[0], rule).any())
        name = f"e-detector, mean of {features} features"
        yield {"traffic": kind, "rule": name, **_levels(peaks, minutes)}
        for name, hit in alarmed.items():
            yield {
                "traffic": kind,
                "rule": f"{name} of the last hour",
                "streams": count,
                "alarm": hit / count,
            }


def _levels(peaks: Floats, minutes: int, asked: float | None = ASKED) -> Row:
    """`asked`: most weeks that may alarm, or None of what is not as it is shipped."""
    return {
        "streams": len(peaks),
        "alarm": float(np.mean(peaks >= ours.P.log_warn)),
        "asked_at_most": "" if asked is None else asked,
        "promised_at_most": minutes / ours.P.warn_minutes,
        "act": float(np.mean(peaks >= ours.P.log_act)),
    }


class Nulls:
    """Weeks of single errors: what River's detectors do, and where our bar lies for as many false alarms."""

    def __init__(self, names: dict[str, int], minutes: int = WEEK) -> None:
        """`names`: how many streams each of River's detectors sees."""
        rng = np.random.default_rng(3)
        of = peers.bits(np.full(minutes, RATE), max(names.values()), rng)
        past = peers.bits(np.full(DAY, RATE), len(of), rng)
        self.peaks = ours.of_errors(peers.by_minute(past), peers.by_minute(of), 0.0).max(axis=0)
        self.share = {}
        self.rows: list[Row] = []
        for name, count in names.items():
            alarmed = [bool(a) for a in peers.alarms(of[:count], [name])[name]]
            self.share[name] = float(np.mean(alarmed))
            self.rows.append({"rule": name, "streams": count, "alarm": self.share[name]})
        warned = float(np.mean(self.peaks >= ours.P.log_warn))
        self.rows.append({"rule": "e-detector, warn", "streams": len(of), "alarm": warned})

    def bar(self, name: str) -> float:
        """ln of the evidence that no more of our streams reach than alarm at this peer."""
        allowed = int(self.share[name] * len(self.peaks))
        return float(np.sort(self.peaks)[::-1][min(allowed, len(self.peaks) - 1)]) + 1e-6
