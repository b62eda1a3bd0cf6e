"""From the ledger to the receivers: what was not delivered yet is sent, and what was is written down.

A crash between an answer and its row sends one state once more, under the same identity; that is the most.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import pyarrow as pa

from pipeline.alerts import messages
from pipeline.alerts.alert import Alert
from pipeline.facts.control import ALERT_DELIVERIES
from pipeline.outgoing import Receiver, Undelivered, Unreachable, post, receiver
from pipeline.settings.alerts import AlertSettings
from pipeline.store import Batch, Store

Send = Callable[[Alert], None]
"""Raises Undelivered."""
_ALLOW = "alerts.allow_private"
SECONDS = 10.0
"""For all that one receiver is told in one tick."""
GIVEN_UP = timedelta(days=1)
"""An alert that nobody took for so long is no news; the ledger keeps it."""


def receivers(chosen: AlertSettings) -> dict[str, Send]:
    """How to send to each receiver that the settings name; ConfigError for an address that is none."""
    found: dict[str, Send] = {}
    if chosen.webhook:
        hook = receiver("alerts.webhook", str(chosen.webhook), chosen.allow_private, _ALLOW)
        found["webhook"] = lambda alert: _webhook(hook, chosen, alert)
    if chosen.alertmanager:
        manager = receiver("alerts.alertmanager", chosen.alertmanager, chosen.allow_private, _ALLOW)
        found["alertmanager"] = lambda alert: _alertmanager(manager, chosen, alert)
    return found


def _webhook(to: Receiver, chosen: AlertSettings, alert: Alert) -> None:
    headers = {"Content-Type": "application/cloudevents+json", "Idempotency-Key": messages.identity(alert)}
    if chosen.webhook_token:
        headers["Authorization"] = f"Bearer {str(chosen.webhook_token)}"
    post(to, to.path, body(messages.cloud_event(alert, chosen.page)), headers)


def _alertmanager(to: Receiver, chosen: AlertSettings, alert: Alert) -> None:
    path = to.path.rstrip("/") + "/api/v2/alerts"
    post(to, path, body(messages.alertmanager(alert, chosen.page)), {})


def body(content: object) -> bytes:
    """As it is posted."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()


class Told(Protocol):
    """One state of something, which each receiver takes once."""

    @property
    def alert_id(self) -> str: ...
    @property
    def time(self) -> datetime: ...


T = TypeVar("T", bound=Told)


def deliver(
    store: Store,
    known: Iterable[T],
    to: Mapping[str, Callable[[T], None]],
    now: datetime,
    clock: Callable[[], float] = time.monotonic,
) -> list[tuple[str, str]]:
    """Send each newest state to who has not had it, and write that down; (receiver, why not) of failures.

    The oldest first.  Who does not answer, or needs longer than SECONDS for all of it, gets the rest with the
    next ticks: a storm of alerts must not hold up what puts harm right.
    """
    had = {
        (r["alert_id"], r["receiver"], r["alerted"]) for r in store.rows(ALERT_DELIVERIES.name).to_pylist()
    }
    news = [alert for alert in known if now - alert.time <= GIVEN_UP]
    failures: dict[str, str] = {}
    for name, send in to.items():
        waiting = [alert for alert in news if (alert.alert_id, name, alert.time) not in had]
        ends = clock() + SECONDS
        for place, alert in enumerate(waiting):
            if clock() >= ends:
                failures.setdefault(name, f"{len(waiting) - place} wait for the next tick")
                break
            try:
                send(alert)
            except Unreachable as error:
                failures[name] = str(error)
                break
            except Undelivered as error:
                failures[name] = str(error)
            else:
                _written(store, alert, name, now)
    return list(failures.items())


def _written(store: Store, alert: Told, name: str, now: datetime) -> None:
    row = {"alert_id": alert.alert_id, "receiver": name, "alerted": alert.time, "time": now}
    store.append(Batch({ALERT_DELIVERIES.name: pa.Table.from_pylist([row], schema=ALERT_DELIVERIES.schema)}))
