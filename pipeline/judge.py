"""The judge's tick: one snapshot of the ledger, every model version with traffic, every detector."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from detectors import accuracy, drift, latency_objective
from detectors.finding import Finding
from detectors.judges import JUDGES
from detectors.parameters import Parameters
from detectors.references import Reference
from detectors.subject import Subject
from pipeline.facts.control import FINDINGS
from pipeline.store import Batch, Store

NOTHING = pa.table({"model_version": pa.array([], pa.string())})
"""Where no reference asks for anything; its judge says no_reference before it reads."""


class Scope(NamedTuple):
    """What one detector reads of one model."""

    model: str
    reference: Reference | None
    start: datetime
    end: datetime


class Reading(NamedTuple):
    """How a detector gets its minutes: those of every version of a model, with a column model_version."""

    read: Callable[[Store, Scope], pa.Table]
    look_back_minutes: Callable[[Parameters], int]


def judge(store: Store, now: datetime, parameters: Parameters = Parameters()) -> list[Finding]:  # noqa: B008
    """Findings on every model version with traffic in the look-back, by model, version and detector.

    `now` is UTC without zone; the present minute is still filling and is not read.  The same snapshot,
    now and parameters give the same findings, bit for bit; a whole tick reads one snapshot.
    """
    with store.steady():
        return _judge(store, now, parameters)


def _judge(store: Store, now: datetime, parameters: Parameters) -> list[Finding]:
    end = now.replace(second=0, microsecond=0)
    longest = max(r.look_back_minutes(parameters) for r in READINGS.values())
    seen = store.query("model_versions", start=end - timedelta(minutes=longest), end=end).to_pylist()
    references = store.references()
    findings: list[Finding] = []
    for model in dict.fromkeys(row["model"] for row in seen):
        versions = [row["model_version"] for row in seen if row["model"] == model]
        findings += _model(store, model, versions, references.get(model), end, parameters)
    return sorted(findings, key=lambda f: (f.model, f.model_version, f.detector))


def tick(
    store: Store,
    now: datetime,
    parameters: Parameters = Parameters(),  # noqa: B008
) -> tuple[list[Finding], int]:
    """Judge and record: the findings, and the snapshot that they were read at, whatever others commit."""
    with store.steady():
        snapshot = store.snapshot()
        findings = judge(store, now, parameters)
    record(store, findings, snapshot, now)
    return findings, snapshot


def record(store: Store, findings: Iterable[Finding], snapshot: int, now: datetime) -> None:
    """Append the findings to the ledger; `snapshot` is the one they were computed from."""
    rows = [
        {
            "time": now,
            "detector": f.detector,
            "model": f.model,
            "model_version": f.model_version,
            "level": f.level,
            "since": f.since,
            "snapshot": snapshot,
            "content": f.to_json(),
        }
        for f in findings
    ]
    store.append(Batch({FINDINGS.name: pa.Table.from_pylist(rows, schema=FINDINGS.schema)}))


def _model(
    store: Store,
    model: str,
    versions: list[str],
    reference: Reference | None,
    end: datetime,
    parameters: Parameters,
) -> Iterable[Finding]:
    for detector, reading in READINGS.items():
        start = end - timedelta(minutes=reading.look_back_minutes(parameters))
        minutes = reading.read(store, Scope(model, reference, start, end))
        for version in versions:
            subject = Subject(model, version, reference, start, end)
            yield JUDGES[detector](_of_version(minutes, version), subject, parameters)


def _of_version(minutes: pa.Table, version: str) -> pa.Table:
    return minutes.filter(pc.field("model_version") == version)


def _accuracy(store: Store, scope: Scope) -> pa.Table:
    return store.query("accuracy_minutes", model=scope.model, start=scope.start, end=scope.end)


def _objective(store: Store, scope: Scope) -> pa.Table:
    objective = scope.reference and scope.reference.latency_objective_seconds
    if not objective:
        return NOTHING
    return store.query(
        "objective_minutes",
        model=scope.model,
        objective=objective,
        metric=latency_objective.METRIC,
        start=scope.start,
        end=scope.end,
    )


def _features(store: Store, scope: Scope) -> pa.Table:
    if scope.reference is None:
        return NOTHING
    return store.query(
        "feature_minutes",
        model=scope.model,
        reference=scope.reference.reference,
        start=scope.start,
        end=scope.end,
    )


READINGS: dict[str, Reading] = {
    accuracy.NAME: Reading(_accuracy, lambda p: p.rate_look_back_minutes),
    latency_objective.NAME: Reading(_objective, lambda p: p.rate_look_back_minutes),
    drift.NAME: Reading(_features, lambda p: p.drift_look_back_minutes),
}
