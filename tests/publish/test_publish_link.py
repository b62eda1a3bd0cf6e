"""The settings of the producer on which no loss, no double and no overtaking rest."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from collectors.publish import link
from collectors.publish.parameters import PublishSettings
from pipeline.broker.parameters import KafkaSettings


def test_a_message_is_acknowledged_by_all_copies_written_once_and_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A rig of one broker cannot show the difference: there one copy is all, and no leader is lost."""
    made: dict[str, Any] = {}

    class Producer:
        def __init__(self, **options: Any) -> None:
            made.update(options)

        def partitions_for(self, topic: str) -> set[int]:
            return {0}

    monkeypatch.setattr("kafka.KafkaProducer", Producer)
    monkeypatch.setattr(link, "admin", nullcontext)
    monkeypatch.setattr(link, "ensure", lambda *_: {})
    link.KafkaLink(KafkaSettings(), PublishSettings())
    assert (made["acks"], made["enable_idempotence"]) == ("all", True)
    assert made["max_in_flight_requests_per_connection"] == 1
    assert made["delivery_timeout_ms"] > 24 * 3_600_000, "a batch that expires lets a later one overtake it"
    assert made.get("retries", 1) > 0
