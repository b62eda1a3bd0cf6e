"""Every month that the ledger speaks of, and how far it is: open, in its grace, due, or closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.answers.cost import extent
from pipeline.answers.window import Window, month
from pipeline.errors import NotFound
from pipeline.months.closings import Closing, closings
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
    """From the ledger's first month on; empty where it holds no GPU fact."""
    try:
        known = extent(store)
    except NotFound:
        return []
    done = {c.month: c for c in closings(store)}
    first = min([known.start, *done])
    return [_state(span, done.get(span.start), limits, now) for span in _months(first, min(known.end, now))]


def due(store: Store, limits: ClosingSettings, now: datetime) -> Window | None:
    """The first month that can be closed."""
    return next((s.month for s in states(store, limits, now) if s.state == DUE), None)


def _state(span: Window, closed: Closing | None, limits: ClosingSettings, now: datetime) -> State:
    until = span.end + timedelta(days=limits.grace_days)
    state = OPEN if now < span.end else GRACE if now < until else DUE
    return State(span, CLOSED if closed else state, until, closed)


def _months(first: datetime, last: datetime) -> Iterator[Window]:
    span = month(first.year, first.month)
    while span.start < last:
        yield span
        span = month(span.end.year, span.end.month)
