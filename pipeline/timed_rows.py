"""Timed requests of the judge's look-back against one objective, continued from the tick before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa

from detectors.references import Reference
from pipeline.answers.truth import objective_minutes
from pipeline.kept_rows import Rows, Version, by_version
from pipeline.label_rows import FAR
from pipeline.store import Store

FACTS = ("latency_bins", "latency_counts")
NEIGHBOURS = timedelta(hours=2)
"""What histograms say of an hour hangs on the hour before and the one after."""


@dataclass(slots=True)
class Times:
    """What one process keeps from tick to tick.  It changes no minute, only how much is read for it."""

    state: str | None = None
    """Of the ledger, as `Store.state` names it; None where nothing is kept."""
    bounds: dict[str, float] = field(default_factory=dict)
    start: datetime = FAR
    rows: Rows = field(default_factory=lambda: Rows({}))


def minutes(
    store: Store,
    kept: Times,
    metric: str,
    references: Mapping[str, Reference],
    start: datetime,
    end: datetime,
    ahead: bool,
) -> tuple[Times, dict[Version, pa.Table]]:
    """What is kept for the next tick, and minute, count and over of [start, end) by version.

    To be called within one snapshot.  With `ahead` all minutes from `start` are read.
    """
    bounds = {name: seconds for name, of in references.items() if (seconds := of.objective(metric))}
    if not bounds:
        return Times(), {}
    now = _renewed(store, kept, metric, bounds, start, FAR if ahead else end)
    keys, count, over = now.rows.inside(start, end, "count", "over")
    found = by_version(now.rows.versions, keys, {"count": count, "over": over}, bounds)
    return now if ahead else Times(), found


def _renewed(
    store: Store, kept: Times, metric: str, bounds: dict[str, float], start: datetime, end: datetime
) -> Times:
    state, since = store.state(), start
    if kept.state is not None and state is not None and kept.bounds == bounds and start >= kept.start:
        changed = _changed(store, kept.state, state, metric)
        since = start if changed is None else max(start, changed)
    else:
        changed = None
    fresh = Times(state, bounds, start) if changed is None else kept
    fresh.rows.keep(start, since)
    if since < end:
        fresh.rows.read(objective_minutes(store, bounds, since, end, metric))
    fresh.state, fresh.start = state, start
    return fresh


def _changed(store: Store, before: str, now: str, metric: str) -> datetime | None:
    """From when on minutes may be others than they were; None where nobody can tell."""
    if before == now:
        return FAR
    added = store.added(before, FACTS)
    if added is None or not added.tables:
        return None if added is None else FAR
    try:
        row = store.query("timed_changes", metric=metric, first=added.first, last=added.last).to_pylist()[0]
    except duckdb.Error:  # those snapshots are expired: what changed in them cannot be told any more
        return None
    if row["since"] is None:
        return FAR
    since: datetime = row["since"]
    if row["is_counted"]:
        since = since.replace(minute=0, second=0, microsecond=0) - NEIGHBOURS
    return since
