"""Drift of every model version at one tick: minutes read once, and continued from the tick before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from detectors import drift
from detectors.drift_run import Counted, Plan, Run, Weighed, advance, begin, histograms, planned, weighed
from detectors.finding import Finding
from detectors.parameters import Parameters
from detectors.references import Reference
from detectors.subject import Subject
from pipeline.store import Store

DAY = timedelta(days=1)
TAIL = timedelta(minutes=5)
"""Minutes that are read again at every tick: rows of them still come.  Later ones cost a new start."""

ROWS_AT_ONCE = 10_000_000
"""Rows of the ledger that are held in memory at once."""


class Version(NamedTuple):
    model: str
    model_version: str
    reference: Reference


Key = tuple[str, str, str]
"""Model, version and reference."""
Runs = dict[datetime, Run]
"""By the first minute of their window: the present one, and those that will be."""


@dataclass(slots=True)
class Memory:
    """What one process keeps from tick to tick.  It changes no finding, only how much is read for it."""

    snapshot: int = 0
    upto: datetime = datetime.min
    """The minutes before it are in the runs."""
    parameters: Parameters = Parameters()  # noqa: RUF009
    runs: dict[Key, Runs] = field(default_factory=dict)
    plans: dict[Key, Plan] = field(default_factory=dict)


def window_start(end: datetime, parameters: Parameters) -> datetime:
    """Midnight (UTC) at or before the look-back: windows that begin together share their runs."""
    back = end - timedelta(minutes=parameters.drift_look_back_minutes)
    return back.replace(hour=0, minute=0, second=0, microsecond=0)


def judge(
    store: Store, versions: Sequence[Version], end: datetime, parameters: Parameters, memory: Memory
) -> Iterator[Finding]:
    """One finding a version, in no order; every reference has features.  To be called within one snapshot."""
    start = window_start(end, parameters)
    now = Memory(store.snapshot(), max(start, end - TAIL), parameters)
    known = _still_true(store, memory, now, start)
    old = [v for v in versions if _key(v) in known]
    new = [v for v in versions if _key(v) not in known]
    for some, first in ((old, memory.upto), (new, start)):
        for version, counted in minutes(store, some, first, end):
            plan = _plan(memory, version, parameters)
            now.plans[_key(version)], seen = plan, weighed(counted, plan)
            runs = _moved(known.get(_key(version), {}), seen, plan, start, now.upto)
            now.runs[_key(version)] = runs
            run = advance(runs[start], _part(seen, now.upto, end), plan)
            subject = Subject(version.model, version.model_version, version.reference, start, end)
            yield drift.finding(run, plan, subject)
    memory.snapshot, memory.upto, memory.runs = now.snapshot, now.upto, now.runs
    memory.parameters, memory.plans = parameters, now.plans


def _key(version: Version) -> Key:
    return version.model, version.model_version, version.reference.reference


def _plan(memory: Memory, version: Version, parameters: Parameters) -> Plan:
    kept = memory.plans.get(_key(version))
    if kept is not None and kept.reference is version.reference and kept.parameters == parameters:
        return kept
    return planned(version.reference, parameters)


def _still_true(store: Store, memory: Memory, now: Memory, start: datetime) -> dict[Key, Runs]:
    """The runs to go on from: of the models to which nothing came late, if nothing was taken away."""
    if memory.parameters != now.parameters or not start <= memory.upto <= now.upto:
        return {}
    if memory.snapshot == now.snapshot:
        return memory.runs
    try:
        rows = store.query(
            "feature_changes", first=memory.snapshot + 1, last=now.snapshot, start=start, end=memory.upto
        )
    except duckdb.Error:  # those snapshots are expired: what changed in them cannot be told any more
        return {}
    changed = set(rows.column("model").to_pylist())
    if "" in changed:
        return {}
    return {key: runs for key, runs in memory.runs.items() if key[0] not in changed and start in runs}


def _moved(known: Runs, seen: Weighed, plan: Plan, start: datetime, upto: datetime) -> Runs:
    """The run of each window that has begun, with the minutes before `upto`."""
    found, first = {}, start
    while first <= upto:
        found[first] = advance(known.get(first) or begin(plan), _part(seen, first, upto), plan)
        first += DAY
    return found


def _part(seen: Weighed, start: datetime, end: datetime) -> Weighed:
    first, last = np.searchsorted(seen.times, np.array([start, end], "datetime64[us]"))
    return Weighed(seen.times[first:last], seen.events[first:last], seen.log_ratios[first:last])


def minutes(
    store: Store, versions: Sequence[Version], start: datetime, end: datetime
) -> Iterator[tuple[Version, Counted]]:
    """The histograms of each version, so many versions at once as memory holds."""
    cells = max((_cells(v.reference) for v in versions), default=1)
    at_once = max(1, int(ROWS_AT_ONCE / (cells * max(1.0, (end - start) / timedelta(minutes=1)))))
    for first in range(0, len(versions), at_once):
        some = versions[first : first + at_once]
        rows = store.query("feature_minutes", tables=_asked(some), start=start, end=end)
        order = np.argsort(rows.column("version").to_numpy(), kind="stable")  # sooner than the store sorts
        columns = {name: rows.column(name).to_numpy()[order] for name in rows.column_names}
        bounds = np.searchsorted(columns["version"], np.arange(len(some) + 1))
        for at, version in enumerate(some):
            mine = slice(bounds[at], bounds[at + 1])
            minute, place, bins, count = (columns[n][mine] for n in ("minute", "place", "bin", "count"))
            yield version, histograms(minute, place, bins, count, version.reference)


def _cells(reference: Reference) -> int:
    return sum(len(feature.counts) + 2 for feature in reference.features)


def _asked(versions: Sequence[Version]) -> dict[str, pa.Table]:
    """The tables that `feature_minutes` asks for."""
    names = ("model", "model_version", "reference")
    keys = [dict(zip(names, _key(v), strict=True)) | {"version": at} for at, v in enumerate(versions)]
    references = {v.reference.reference: v.reference for v in versions}
    counts = [len(reference.features) for reference in references.values()]
    places = {
        "reference": pa.array(np.repeat(np.array([*references], np.object_), counts), pa.string()),
        "feature": pa.array([f.feature for of in references.values() for f in of.features], pa.string()),
        "place": np.concatenate([np.arange(count) for count in counts]),
    }
    return {"versions": pa.Table.from_pylist(keys), "features": pa.table(places)}
