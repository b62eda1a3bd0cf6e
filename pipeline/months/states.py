"""Every month that the ledger speaks of, and how far it is: open, in its grace, due, or closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.answers.cost import extent
from pipeline.answers.window import Window
from pipeline.errors import NotFound
from pipeline.months.closings import Closing, closings
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
    """From the first closed month on, or the first that can be; empty where there is no GPU fact."""
    try:
        known = extent(store)
    except NotFound:
        return []
    done = {c.month: c for c in closings(store)}
    begin = min(done, default=first(store).start)
    return [_state(span, done.get(span.start), limits, now) for span in months(begin, min(known.end, now))]


def due(store: Store, limits: ClosingSettings, now: datetime) -> Window | None:
    """The first month that can be closed."""
    return next((s.month for s in states(store, limits, now) if s.state == DUE), None)


def _state(span: Window, closed: Closing | None, limits: ClosingSettings, now: datetime) -> State:
    until = span.end + timedelta(days=limits.grace_days)
    state = OPEN if now < span.end else GRACE if now < until else DUE
    return State(span, CLOSED if closed else state, until, closed)
