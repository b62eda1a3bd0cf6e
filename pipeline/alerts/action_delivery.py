"""Actions to their receivers: webhook, Alertmanager, Slack, the topic, and an Event on the object itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from collectors.publish.outbox import Blocked
from collectors.publish.publisher import Publisher
from pipeline.actuator.kubernetes import ApiError, Kubernetes
from pipeline.actuator.object_event import object_event
from pipeline.alerts import notice as told
from pipeline.alerts.delivery import GIVEN_UP, body, deliver
from pipeline.alerts.notice import Notice, notices
from pipeline.events import TYPES
from pipeline.outgoing import Undelivered, Unreachable, post, receiver
from pipeline.settings.alerts import AlertSettings
from pipeline.store import Store

Send = Callable[[Notice], None]
"""Raises Undelivered."""
_ALLOW = "alerts.allow_private"
_SECONDS = 10.0
_STATES = ("proposed", "executed", "failed", "undone")
_EPOCH = datetime(1970, 1, 1)


def receivers(chosen: AlertSettings) -> dict[str, Send]:
    """By name, as the settings say; ConfigError for an address that is none."""
    found: dict[str, Send] = {}
    if chosen.webhook:
        found["action webhook"] = _webhook(chosen)
    if chosen.alertmanager:
        found["action alertmanager"] = _alertmanager(chosen)
    if chosen.slack:
        found["action slack"] = _slack(chosen)
    return found


def _webhook(chosen: AlertSettings) -> Send:
    to = receiver("alerts.webhook", str(chosen.webhook), chosen.allow_private, _ALLOW)
    token = {"Authorization": f"Bearer {str(chosen.webhook_token)}"} if chosen.webhook_token else {}

    def send(notice: Notice) -> None:
        headers = {
            "Content-Type": "application/cloudevents+json",
            "Idempotency-Key": notice.alert_id,
            **token,
        }
        post(to, to.path, body(told.cloud_event(notice, chosen.page)), headers)

    return send


def _alertmanager(chosen: AlertSettings) -> Send:
    to = receiver("alerts.alertmanager", chosen.alertmanager, chosen.allow_private, _ALLOW)
    path = to.path.rstrip("/") + "/api/v2/alerts"
    return lambda notice: post(to, path, body(told.alertmanager(notice, chosen.page)), {})


def _slack(chosen: AlertSettings) -> Send:
    to = receiver("alerts.slack", str(chosen.slack), chosen.allow_private, _ALLOW)
    return lambda notice: post(to, to.path, body(told.slack(notice, chosen.page)), {})


def to_topic(publisher: Publisher) -> Send:
    """The event that is in the ledger, once more; sent again it has the same sequence and counts once."""
    type_ = TYPES["action"]

    def send(notice: Notice) -> None:
        said = {n: getattr(notice, n) for n in Notice.__slots__ if n not in ("rule", "why", "time")}
        row = {**said, "policy": notice.rule, "time": notice.time.replace(tzinfo=UTC)}
        time = (notice.time - _EPOCH) // timedelta(microseconds=1)
        events = pa.Table.from_pylist([row], schema=type_.schema)
        sequence = time * len(_STATES) + _STATES.index(notice.state)
        try:
            publisher.put(type_, events, source=f"actions/{notice.action_id}", sequence=sequence, time=time)
        except Blocked as error:
            raise Undelivered(f"the broker takes no actions: {error}") from error
        if not publisher.flush(_SECONDS):
            raise Unreachable("the broker does not answer")

    return send


def to_objects(clients: Mapping[str, Kubernetes]) -> Send:
    """An Event on the object, by the actuator; in a cluster that is not connected nobody is told."""

    def send(notice: Notice) -> None:
        client = clients.get(notice.cluster)
        if client is None or not notice.namespace:
            return
        kind, _, name = notice.workload.partition("/")
        of = notice.action_id, notice.kind, notice.state
        words = told.summary(notice)
        answer = object_event(client, notice.namespace, kind, name, words, of, notice.time)
        if isinstance(answer, ApiError):
            raise Undelivered(f"no Event in {notice.cluster}: {answer.words}")

    return send


def tell(store: Store, to: Mapping[str, Send], now: datetime) -> list[tuple[str, str]]:
    """Each step that is news to whoever has not had it; (receiver, why not) of failures."""
    return deliver(store, notices(store, now - GIVEN_UP), to, now) if to else []
