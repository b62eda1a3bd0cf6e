"""What the page must show: the sentences of a run that do not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from detectors.estimate_audit import TOLERANCE
from tests.bench.detection.false_alarms import Row

FITTED = "e-detector, as many false alarms as "
NULLS = {
    "errors that do not change": 200,
    "features that do not change": 200,
    "segments that do not change": 200,
    "requests over an objective": 200,
    "a canary that errs as its neighbour": 200,
    "a mix that moves by the hour": 200,
    "twenty features": 50,
}
"""Tables of unchanged weeks, and the fewest streams that a row of each may rest on: of fewer, none that
alarms says little of one in a hundred."""


def broken(tables: Mapping[str, list[Row]]) -> Iterator[str]:
    """Nothing, where every claim of the issue holds."""
    for name, fewest in NULLS.items():
        yield from _nulls(name, tables.get(name, []), fewest)
    yield from _delays(tables["errors that rise"])
    for row in tables["flights"]:
        by = abs(_number(row, "accuracy") - _number(row, "estimated_accuracy"))
        if by > TOLERANCE and not _number(row, "days_estimate_rejected"):
            yield f"flights of month {row['month']}: the estimate is wrong and was never rejected"
    for row in tables["estimates on other data"]:
        by, level = _number(row, "wrong_by"), row["estimate"]
        if (by > 2 * TOLERANCE and level != "invalid") or (by <= TOLERANCE and level == "invalid"):
            yield f"{row['data']} {row['period']}: wrong by {by:.3f} and {level}"


def _nulls(name: str, rows: list[Row], fewest: int) -> Iterator[str]:
    asked = [row for row in rows if row.get("asked_at_most", "") != ""]
    if not asked:
        yield f"{name}: no unchanged week was looked at"
    for row in asked:
        of = f"{name}, {row['traffic']}, {row['rule']}"
        alarm, act, streams = (_number(row, key) for key in ("alarm", "act", "streams"))
        if alarm > _number(row, "asked_at_most") or act > 0:
            yield f"{of}: {alarm} of weeks alarm, {act} call for an act"
        if streams < fewest:
            yield f"{of}: {streams:g} streams are too few, at least {fewest}"


def _delays(rows: list[Row]) -> Iterator[str]:
    """At as many false alarms no later than ADWIN."""
    minutes = {(row["rule"], row["change"]): row["median_minutes"] for row in rows}
    for (rule, change), ours in minutes.items():
        if str(rule).startswith(FITTED):
            theirs = minutes[str(rule).removeprefix(FITTED), change]
            if _minutes(ours) > _minutes(theirs):
                yield f"errors that rise to {change}: {ours} minutes, {rule.removeprefix(FITTED)} {theirs}"


def _minutes(median: object) -> float:
    return float("inf" if median == "never" else str(median))


def _number(row: Row, name: str) -> float:
    return float(str(row[name]))
