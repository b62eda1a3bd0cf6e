"""Rows by minute of the judge's look-back, of which a later tick reads only what may have changed since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import pyarrow as pa

from pipeline.kept_rows import Rows, Version, by_version
from pipeline.label_rows import FAR
from pipeline.store import Store


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from."""

    facts: tuple[str, ...]
    asked: Mapping[str, object]
    """What is asked of each model; of others nothing is read."""
    read: Callable[[datetime, datetime], pa.Table]
    """Model, model_version, minute and numbers of [start, end)."""
    told: Callable[[int, int, datetime], pa.Table | datetime]
    """What snapshots, from one to another, added to rows from a time on, or since when those may differ."""


@dataclass(slots=True)
class Kept:
    """What one process keeps from tick to tick.  It changes no minute, only how much is read for it."""

    state: str | None = None
    """Of the ledger, as `Store.state` names it; None where nothing is kept."""
    asked: Mapping[str, object] = field(default_factory=dict)
    start: datetime = FAR
    rows: Rows = field(default_factory=lambda: Rows({}))


def minutes(
    store: Store, kept: Kept, source: Source, start: datetime, end: datetime, ahead: bool
) -> tuple[Kept, dict[Version, pa.Table]]:
    """What is kept for the next tick, and the minutes of [start, end) by version.

    To be called within one snapshot.  With `ahead` all minutes from `start` are read.
    """
    if not source.asked:
        return Kept(), {}
    now = _renewed(store, kept, source, start, FAR if ahead else end)
    names = tuple(now.rows.columns)
    keys, *columns = now.rows.inside(start, end, *names)
    found = by_version(now.rows.versions, keys, dict(zip(names, columns, strict=True)), source.asked)
    return now if ahead else Kept(), found


def _renewed(store: Store, kept: Kept, source: Source, start: datetime, end: datetime) -> Kept:
    state, told = store.state(), None
    if kept.state is not None and state is not None and kept.asked == source.asked and start >= kept.start:
        told = _told(store, kept.state, state, source, start)
    if isinstance(told, pa.Table):
        kept.rows.keep(start, FAR)
        kept.rows.add(told)
        kept.state, kept.start = state, start
        return kept
    fresh = Kept(state, source.asked, start) if told is None else kept
    since = start if told is None else max(start, told)
    fresh.rows.keep(start, since)
    if since < end:
        fresh.rows.read(source.read(since, end))
    fresh.state, fresh.start = state, start
    return fresh


def _told(store: Store, before: str, now: str, source: Source, start: datetime) -> pa.Table | datetime | None:
    """What the source says of all that was added since; None where nobody can tell."""
    if before == now:
        return FAR
    added = store.added(before, source.facts)
    if added is None or not added.tables:
        return None if added is None else FAR
    try:
        return source.told(added.first, added.last, start)
    except duckdb.Error:  # those snapshots are expired: what changed in them cannot be told any more
        return None
