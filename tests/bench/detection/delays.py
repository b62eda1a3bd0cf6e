"""How many minutes pass from a change to the alarm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tests.bench.detection import ours, peers, streams, windows
from tests.bench.detection.false_alarms import RATE, Nulls, Row
from tests.bench.detection.streams import DAY, Floats

AFTER = 480
WORSE = (0.12, 0.15, 0.2, 0.3)
SHIFTS = {
    "mean + 0.1 sd": (0.1, 1.0),
    "mean + 0.2 sd": (0.2, 1.0),
    "scale x 1.25": (0.0, 1.25),
    "mean + 0.5 sd": (0.5, 1.0),
    "mean + 1 sd": (1.0, 1.0),
}


def of_errors(count: int, fewer: int, nulls: Nulls, worse: Sequence[float] = WORSE) -> Iterator[Row]:
    """A clean day at 10 % errors, then a worse rate, seen by every detector; `fewer` streams by the slow."""
    for rate in worse:
        rng = np.random.default_rng(4)
        past = peers.bits(np.full(DAY, RATE), count, rng)
        seen = peers.bits(np.r_[np.full(DAY, RATE), np.full(AFTER, rate)], count, rng)
        for tolerance in (0.0, ours.P.accuracy_tolerance):
            evidence = ours.of_errors(peers.by_minute(past), peers.by_minute(seen), tolerance)
            if tolerance == 0.0:
                for name in ("ADWIN", "ADWIN delta 1e-5"):
                    if name in nulls.share:
                        label = f"e-detector, as many false alarms as {name}"
                        yield _row(label, rate, _first(evidence >= nulls.bar(name)))
            for level, bar in (("warn", ours.P.log_warn), ("act", ours.P.log_act)):
                yield _row(f"e-detector, tolerance {tolerance:g}, {level}", rate, _first(evidence >= bar))
        for name in nulls.share:
            part = seen if name.startswith("ADWIN") else seen[:fewer]
            found = peers.alarms(part, [name])[name]
            yield _row(name, rate, [next(iter(s), None) for s in found])


def of_features(count: int, changes: Sequence[str] = tuple(SHIFTS)) -> Iterator[Row]:
    """A clean day, then another distribution, by our detector at three tolerances and by the usual rules."""
    for change in changes:
        rng = np.random.default_rng(5)
        before, after = streams.normal_shares(), streams.normal_shares(*SHIFTS[change])
        shares = streams.changing(before, after, DAY, DAY + AFTER)
        known = streams.features("independent", np.tile(before, (DAY, 1)), count, rng)
        seen = streams.features("independent", shares, count, rng)
        for rho in (0.001, 0.005, 0.05):
            evidence = np.log(np.maximum(ours.of_features(known, seen, rho), 1e-300))
            yield _row(f"e-detector, rho {rho:g}, warn", change, _first(evidence >= ours.P.log_warn))
        for name, rule in windows.RULES.items():
            found = [windows.alarms(k, s, rule) for k, s in zip(known, seen, strict=True)]
            yield _row(f"{name} of the last hour", change, _first(np.stack(found, axis=1)))


def _first(alarmed: Floats) -> list[int | None]:
    """Minute of the first alarm of each stream (T, S)."""
    return [int(np.argmax(s)) if s.any() else None for s in alarmed.T]


def _row(rule: str, change: object, first: list[int | None]) -> Row:
    """Over the streams that were quiet before the change; the delay counts the minute of the alarm."""
    early = [f for f in first if f is not None and f < DAY]
    delays = sorted(np.inf if f is None else f - DAY + 1 for f in first if f is None or f >= DAY)
    return {
        "rule": rule,
        "change": change,
        "streams": len(first),
        "alarm_before": len(early) / len(first),
        "detected": sum(d < np.inf for d in delays) / max(len(delays), 1),
        "median_minutes": _median(delays),
    }


def _median(delays: list[float]) -> float | str:
    found = float(np.median(delays)) if delays else np.inf
    return found if found < np.inf else "never"
