"""Every month that the ledger speaks of, and how far it is: open, in its grace, due, or closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.answers.cost import extent
from pipeline.answers.window import Window
from pipeline.errors import NotFound
from pipeline.months.closings import Closing, closings
from pipeline.months.expected import silent
from pipeline.months.span import first, months
from pipeline.settings.closing import ClosingSettings
from pipeline.store import Store

OPEN, GRACE, DUE, CLOSED = "open", "grace", "due", "closed"


@dataclass(frozen=True, slots=True)
class State:
    month: Window
    state: str
    until: datetime
    """When its grace ends."""
    closing: Closing | None


def states(store: Store, limits: ClosingSettings, now: datetime) -> list[State]:
    """From the first closed month on, or the first that can be; empty where there is no GPU fact.

    To the last of which there is a fact; a month that is over is there too where something must be heard.
    """
    try:
        known = extent(store)
    except NotFound:
        return []
    done = {c.month: c for c in closings(store)}
    begin = min(done, default=first(store).start)
    spans = list(months(begin, min(known.end, now)))
    return [
        _state(one, done.get(one.start), limits, now) for one in (*spans, *_silent(store, spans, limits, now))
    ]


def _silent(store: Store, spans: Sequence[Window], limits: ClosingSettings, now: datetime) -> list[Window]:
    """The months after those that are over by `now`, and in which some cluster should have said something."""
    if not spans or (after := spans[-1].end) >= now:
        return []
    clusters, gone = store.query("clusters_open")["cluster"].to_pylist(), silent(limits)

    def awaited(span: Window) -> bool:
        gone_by = [one for one in gone if one.since <= span.start]
        return any(not any(one.covers(cluster, "") for one in gone_by) for cluster in clusters)

    return [span for span in months(after, now) if span.end <= now and awaited(span)]


def due(store: Store, limits: ClosingSettings, now: datetime) -> Window | None:
    """The first month that can be closed."""
    return next((s.month for s in states(store, limits, now) if s.state == DUE), None)


def _state(span: Window, closed: Closing | None, limits: ClosingSettings, now: datetime) -> State:
    until = span.end + timedelta(days=limits.grace_days)
    state = OPEN if now < span.end else GRACE if now < until else DUE
    return State(span, CLOSED if closed else state, until, closed)
