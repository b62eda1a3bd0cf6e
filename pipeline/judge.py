"""The judge's tick: one snapshot of the ledger, every model version with traffic, every detector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import pyarrow as pa

from detectors import (
    accuracy,
    answer_endings,
    canary,
    drift,
    estimate,
    evaluation,
    latency_objective,
    segment_accuracy,
)
from detectors.canary_pairs import paired
from detectors.finding import Finding
from detectors.judges import ASKED_FOR, JUDGES, judged
from detectors.parameters import Parameters
from detectors.references import Reference
from detectors.subject import Subject
from pipeline import drift_tick, ending_rows, label_rows, renewed_rows, timed_rows
from pipeline.answers.served import timed
from pipeline.answers.truth import by_version
from pipeline.facts.control import FINDINGS
from pipeline.kept_rows import Version
from pipeline.label_rows import FAR, Labels
from pipeline.renewed_rows import Kept, Source
from pipeline.store import Batch, Store

COUNTED = "latency_counts"
"""The fact of requests that their servers counted."""
NOTHING = pa.table({"predictions": pa.array([], pa.int64())})
"""The minutes of a version that has none, or of which none are asked for."""

SOURCES: dict[str, Callable[[Store, Mapping[str, Reference]], Source]] = {
    **{name: partial(timed_rows.source, metric=metric) for metric, name in latency_objective.NAMES.items()},
    **{name: partial(ending_rows.source, name=name) for name in answer_endings.ENDINGS},
}
"""What a detector of rates reads, and later ticks again of what has changed."""


@dataclass(slots=True)
class Memory:
    """What one process keeps from tick to tick.  It changes no finding, only how much is read for it."""

    drift: drift_tick.Memory = field(default_factory=drift_tick.Memory)
    labels: Labels = field(default_factory=Labels)
    rates: dict[str, Kept] = field(default_factory=dict)
    """By the detector of SOURCES."""
    uncounted: tuple[str, datetime] | None = None
    """A state of the ledger in which servers had counted no request from that time on."""


def judge(
    store: Store,
    now: datetime,
    parameters: Parameters = Parameters(),  # noqa: B008
    memory: Memory | None = None,
) -> list[Finding]:
    """Findings on every model version with traffic in the look-back, by model, version and detector.

    `now` is UTC without zone; the present minute is still filling and is not read.  The same snapshot,
    now and parameters give the same findings, bit for bit, with a memory of earlier ticks or without; a whole
    tick reads one snapshot.
    """
    with store.steady(alone=True):
        return _judge(store, now, parameters, memory)


def _judge(store: Store, now: datetime, parameters: Parameters, memory: Memory | None) -> list[Finding]:
    end = now.replace(second=0, microsecond=0)
    rates_from = end - timedelta(minutes=parameters.rate_look_back_minutes)
    drift_from = drift_tick.window_start(end, parameters)
    references = store.references()
    findings: list[Finding] = []
    starts = dict.fromkeys(JUDGES, rates_from) | {estimate.NAME: estimate.window_start(end, parameters)}
    read, versions = _read(store, references, starts, min(rates_from, drift_from), end, memory)
    for detector, minutes in read.items():
        start, asked = starts[detector], []
        for version in versions:
            reference = references.get(version[0])
            if detector not in ASKED_FOR or (reference is not None and ASKED_FOR[detector](reference)):
                asked.append((minutes.get(version, NOTHING), Subject(*version, reference, start, end)))
        findings += judged(detector, asked, parameters)
    findings = _latched(store, findings, rates_from, end)
    findings += _drift(store, versions, references, end, parameters, (memory or Memory()).drift)
    return sorted(findings, key=lambda f: (f.model, f.model_version, f.detector))


def tick(
    store: Store,
    now: datetime,
    parameters: Parameters = Parameters(),  # noqa: B008
    memory: Memory | None = None,
) -> tuple[list[Finding], int]:
    """Judge and record: the findings, and the snapshot that they were read at, whatever others commit."""
    with store.steady(alone=True):
        snapshot = store.snapshot()
        findings = judge(store, now, parameters, memory)
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


def _drift(
    store: Store,
    versions: Iterable[Version],
    references: Mapping[str, Reference],
    end: datetime,
    parameters: Parameters,
    memory: drift_tick.Memory,
) -> Iterator[Finding]:
    known = []
    for model, version in versions:
        reference = references.get(model)
        if reference is not None and reference.features:
            known.append(drift_tick.Version(model, version, reference))
        else:
            subject = Subject(model, version, reference, drift_tick.window_start(end, parameters), end)
            yield drift.judge(NOTHING, subject, parameters)
    yield from drift_tick.judge(store, known, end, parameters, memory)


def _latched(store: Store, findings: list[Finding], start: datetime, end: datetime) -> list[Finding]:
    """Estimates that an earlier tick found invalid stay so, as long as a tick comes in each look-back."""
    if not any(f.detector == estimate.NAME and "reference" in f.evidence for f in findings):
        return findings
    rejected: dict[Version, dict[str, datetime]] = defaultdict(dict)
    for row in store.query("invalid_estimates", start=start, end=end).to_pylist():
        rejected[row["model"], row["model_version"]][row["reference"]] = row["since"]
    return [
        estimate.latched(f, rejected[f.model, f.model_version]) if f.detector == estimate.NAME else f
        for f in findings
    ]


def _read(
    store: Store,
    references: Mapping[str, Reference],
    starts: Mapping[str, datetime],
    seen_from: datetime,
    end: datetime,
    memory: Memory | None,
) -> tuple[dict[str, dict[Version, pa.Table]], list[Version]]:
    """The minutes of each detector by version, of all models with such a reference; versions with traffic.

    Those are logged one by one, or counted by their servers, from `seen_from` on.
    """
    kept, ahead = memory or Memory(), memory is not None
    first = min(starts[accuracy.NAME], starts[estimate.NAME], seen_from)
    before, kept.labels = kept.labels, Labels()  # an error in between leaves nothing half renewed
    labels = label_rows.renewed(store, before, references, first, end, ahead)
    found = {
        accuracy.NAME: label_rows.accuracy_minutes(labels, references, starts[accuracy.NAME], end),
        segment_accuracy.NAME: label_rows.segment_minutes(
            labels, references, starts[segment_accuracy.NAME], end
        ),
        estimate.NAME: label_rows.estimate_minutes(labels, references, starts[estimate.NAME], end),
    }
    kept.labels = labels
    for name, source in SOURCES.items():
        of = kept.rates.pop(name, Kept())
        kept.rates[name], found[name] = renewed_rows.minutes(
            store, of, source(store, references), starts[name], end, ahead
        )
    found[evaluation.NAME] = by_version(_evaluation(store, references, starts[evaluation.NAME], end))
    found[canary.NAME] = paired(found[accuracy.NAME])
    alone = _counted_alone(store, seen_from, end, memory)
    return found, sorted(label_rows.versions(labels, seen_from, end) | alone)


def _counted_alone(store: Store, start: datetime, end: datetime, memory: Memory | None) -> set[Version]:
    """Versions of which servers counted requests; where there was none, only what came since is looked at."""
    state = store.state()
    if memory is not None and memory.uncounted is not None and state is not None:
        before, since = memory.uncounted
        added = store.added(before, timed_rows.FACTS)
        if added is not None and COUNTED not in added.tables and start >= since:
            memory.uncounted = (state, since)
            return set()
    rows = store.query("counted_alone", **timed(), start=start, end=end).to_pylist()
    if memory is not None:
        none = not rows and not store.query("counted_alone", **timed(), start=start, end=FAR).num_rows
        memory.uncounted = (state, start) if none and state is not None else None
    return {(row["model"], row["model_version"]) for row in rows}


def _evaluation(
    store: Store, references: Mapping[str, Reference], start: datetime, end: datetime
) -> pa.Table:
    models = [name for name, reference in references.items() if reference.evaluators]
    return store.query("evaluation_minutes", models=models, start=start, end=end) if models else NOTHING
