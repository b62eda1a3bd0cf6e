"""Alerts on a real broker: what an on-call tool that reads the topic gets, once, whatever is sent again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from collectors.publish.parameters import PublishSettings
from collectors.publish.publisher import Publisher
from detectors.finding import Finding
from pipeline.alerts.alert import raised
from pipeline.alerts.topic import to_topic
from pipeline.broker.parameters import KafkaSettings
from pipeline.events import TYPES, decode
from pipeline.rig.kafka import Kafka
from tests.publish.published import consumed

NOW = datetime(2026, 11, 1, 12, 0)


def test_an_alert_is_one_cloud_event_on_its_topic(broker: Kafka, tmp_path: Path) -> None:
    kafka = replace(KafkaSettings(), bootstrap_servers=broker.bootstrap, partitions=1)
    publish = replace(PublishSettings(), spool_folder=tmp_path / "spool")
    since = NOW - timedelta(minutes=5)
    found = Finding(
        "accuracy", "a&b=<x>", "2", "act", NOW - timedelta(days=7), NOW, 900, 16.5, 10.67, 16.38, since
    )
    [told] = raised([found], [], NOW, True)
    with Publisher.open(kafka, publish) as publisher:
        send = to_topic(publisher)
        send(told)
        send(told)
    sent = [m for m in consumed(kafka) if m.topic == TYPES["alert"].topic]
    assert {m.headers["ce_type"] for m in sent} == {TYPES["alert"].ce_type}
    assert len({(m.headers["ce_source"], m.headers["ce_sequence"]) for m in sent}) == 1
    [row] = decode(sent[0]).events.to_pylist()
    assert (row["model"], row["level"], row["alert_id"]) == ("a&b=<x>", "act", told.alert_id)
    assert json.loads(row["evidence"])["count"] == 900
