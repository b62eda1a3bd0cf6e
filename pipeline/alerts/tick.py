"""One tick of alerting: what the findings make news is an event in the ledger, and then goes to receivers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypedDict

import pyarrow as pa

from detectors.finding import Finding
from pipeline.alerts.alert import Alert, raised
from pipeline.alerts.delivery import Send, deliver
from pipeline.alerts.messages import in_words, summary
from pipeline.batches import messages
from pipeline.events import TYPES, EventType, Message
from pipeline.store import Store

_EPOCH = datetime(1970, 1, 1)


class Publisher(Protocol):
    """What takes events in: the embedded runner, or a producer."""

    def put(self, type_: EventType, events: pa.Table, *, source: str, sequence: int, time: int) -> object:
        """One batch of one source; a sequence that was seen is a duplicate."""


def known(store: Store) -> list[Alert]:
    """The newest state of every alert, oldest first."""
    rows = store.query("alerts_newest").to_pylist()
    return [Alert.from_row(row) for row in rows]


class Ledger(Protocol):
    """What takes events into the store itself."""

    def take(self, batch: Sequence[Message]) -> object:
        """In one transaction; what was seen is a duplicate."""


def alert(
    store: Store,
    ledger: Ledger,
    findings: Sequence[Finding],
    to: Mapping[str, Send],
    now: datetime,
    warn: bool = True,
) -> tuple[list[Alert], list[tuple[str, str]]]:
    """(alerts that are new at this tick, failed deliveries)."""
    return record(store, ledger, findings, now, warn), delivered(store, to, now)


def record(
    store: Store, ledger: Ledger, findings: Sequence[Finding], now: datetime, warn: bool = True
) -> list[Alert]:
    """Those that are new at this tick, in the ledger together: one by one, thousands would take an hour."""
    news = raised(findings, known(store), now, warn)
    batch = [message for found in news for message in messages(TYPES["alert"], **_event(found))]
    if batch:
        ledger.take(batch)
    return news


def delivered(store: Store, to: Mapping[str, Send], now: datetime) -> list[tuple[str, str]]:
    """(receiver, why not) of what could not be told."""
    return deliver(store, known(store), to, now) if to else []


def publish(publisher: Publisher, of: Alert, page: str) -> None:
    """As it is in the ledger, with promise and link in its words: a reader of the topic has no more."""
    publisher.put(TYPES["alert"], **_event(of, in_words(of, page)))


class _Event(TypedDict):
    events: pa.Table
    source: str
    sequence: int
    time: int


def _event(of: Alert, detail: str = "") -> _Event:
    """Each alert is a source of its own; the tick's time numbers it, so that a repetition counts once."""
    row = {name: getattr(of, name) for name in Alert.__slots__} | {"detail": detail or summary(of)}
    stamped = {k: v.replace(tzinfo=UTC) if isinstance(v, datetime) else v for k, v in row.items()}
    time = (of.time - _EPOCH) // timedelta(microseconds=1)
    events = pa.Table.from_pylist([stamped], schema=TYPES["alert"].schema)
    return {"events": events, "source": f"alerts/{of.alert_id}", "sequence": time, "time": time}
