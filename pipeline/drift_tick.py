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
"""Minutes whose rows may still come: those of later ones cost a new start."""

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
    end: datetime = datetime.min
    """The minutes from `upto` on and before it are in the tails."""
    parameters: Parameters = Parameters()  # noqa: RUF009
    runs: dict[Key, Runs] = field(default_factory=dict)
    tails: dict[Key, Weighed] = field(default_factory=dict)
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
    now = Memory(store.snapshot(), max(start, end - TAIL), end, parameters)
    known, same_before = _still_true(store, memory, now, start)
    old = [v for v in versions if _key(v) in known]
    new = [v for v in versions if _key(v) not in known]
    for some, first in ((old, same_before), (new, start)):
        for version, counted in minutes(store, some, first, end):
            key, plan = _key(version), _plan(memory, version, parameters)
            now.plans[key], seen = plan, weighed(counted, plan)
            if key in known:
                seen = _joined(_part(memory.tails[key], memory.upto, first), seen)
            now.runs[key] = runs = _moved(known.get(key, {}), seen, plan, start, now.upto)
            now.tails[key] = tail = _part(seen, now.upto, end)
            run = advance(runs[start], tail, plan)
            subject = Subject(version.model, version.model_version, version.reference, start, end)
            yield drift.finding(run, plan, subject)
    memory.snapshot, memory.upto, memory.end = now.snapshot, now.upto, now.end
    memory.parameters, memory.plans, memory.runs, memory.tails = parameters, now.plans, now.runs, now.tails


def _key(version: Version) -> Key:
    return version.model, version.model_version, version.reference.reference


def _plan(memory: Memory, version: Version, parameters: Parameters) -> Plan:
    kept = memory.plans.get(_key(version))
    if kept is not None and kept.reference is version.reference and kept.parameters == parameters:
        return kept
    return planned(version.reference, parameters)


def _still_true(
    store: Store, memory: Memory, now: Memory, start: datetime
) -> tuple[dict[Key, Runs], datetime]:
    """The runs to go on from, of the models to which nothing came late, if nothing was taken away.

    And the minute before which their tails are what they were.
    """
    same = memory.parameters == now.parameters
    if not same or not start <= memory.upto <= now.upto or memory.end > now.end:
        return {}, start
    if memory.snapshot == now.snapshot:
        return memory.runs, memory.end
    try:
        rows = store.query(
            "feature_changes", first=memory.snapshot + 1, last=now.snapshot, start=start, end=memory.end
        )
    except duckdb.Error:  # those snapshots are expired: what changed in them cannot be told any more
        return {}, start
    changed = dict(zip(rows.column("model").to_pylist(), rows.column("since").to_pylist(), strict=True))
    if "" in changed:
        return {}, start
    late = {model for model, since in changed.items() if since < memory.upto}
    same_before = min((since for model, since in changed.items() if model not in late), default=memory.end)
    return {key: r for key, r in memory.runs.items() if key[0] not in late and start in r}, same_before


def _joined(before: Weighed, after: Weighed) -> Weighed:
    """Minutes, and later ones."""
    return Weighed(*(np.concatenate(of) for of in zip(before, after, strict=True)))


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
