"""Alerts on Kafka: the event that is in the ledger, with promise and link, for whoever reads the topic."""

from __future__ import annotations

from collectors.publish.outbox import Blocked
from collectors.publish.publisher import Publisher
from pipeline.alerts.alert import Alert
from pipeline.alerts.delivery import Send
from pipeline.alerts.tick import publish
from pipeline.outgoing import Undelivered, Unreachable

_SECONDS = 10.0


def to_topic(publisher: Publisher, page: str) -> Send:
    """Delivered is what the broker has, or the spool; sent again it has the same sequence and counts once."""

    def send(alert: Alert) -> None:
        try:
            publish(publisher, alert, page)
        except Blocked as error:
            raise Undelivered(f"the broker takes no alerts: {error}") from error
        if not publisher.flush(_SECONDS):
            raise Unreachable("the broker does not answer")

    return send
