"""Alerts and actions on a real broker: what a tool that reads the topics gets, once, however often sent."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from collectors.publish.parameters import PublishSettings
from collectors.publish.publisher import Publisher
from detectors.finding import Finding
from pipeline.alerts.action_delivery import to_topic as actions_to_topic
from pipeline.alerts.alert import raised
from pipeline.alerts.notice import Notice
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
        send = to_topic(publisher, "https://pages.example")
        send(told)
        send(told)
    sent = [m for m in consumed(kafka) if m.topic == TYPES["alert"].topic]
    assert {m.headers["ce_type"] for m in sent} == {TYPES["alert"].ce_type}
    assert len({(m.headers["ce_source"], m.headers["ce_sequence"]) for m in sent}) == 1
    [row] = decode(sent[0]).events.to_pylist()
    assert (row["model"], row["level"], row["alert_id"]) == ("a&b=<x>", "act", told.alert_id)
    assert json.loads(row["evidence"])["count"] == 900
    assert row["detail"].endswith("https://pages.example/models?model=a%26b%3D%3Cx%3E")


def test_an_action_of_each_state_is_a_cloud_event_on_its_topic(broker: Kafka, tmp_path: Path) -> None:
    """Of a rollback and of a ladder's step; told again after a crash, a reader can drop what it has seen."""
    kafka = replace(KafkaSettings(), bootstrap_servers=broker.bootstrap, partitions=1)
    publish = replace(PublishSettings(), spool_folder=tmp_path / "spool")
    rollback = Notice(
        "a" * 64, "executed", NOW, "rollback", "fraud-accuracy", "lab", "ml", "Deployment/fraud", "fraud",
        "v2", "v1", "generation 3 was written", '{"patch":[]}', "roll it back",
    )  # fmt: skip
    step = Notice(
        "b" * 64, "undone", NOW, "suspend_batch", "money", "lab", "team-a", "Namespace/team-a", "", "", "",
        "put back: 2 of 2 changed", "{}", "suspend_batch team-a at 100% spent",
    )  # fmt: skip
    with Publisher.open(kafka, publish) as publisher:
        send = actions_to_topic(publisher)
        for told in (rollback, step, rollback):
            send(told)
    sent = [m for m in consumed(kafka) if m.topic == TYPES["action"].topic]
    assert {m.headers["ce_type"] for m in sent} == {TYPES["action"].ce_type}
    assert {m.headers["ce_specversion"] for m in sent} == {"1.0"}
    assert len({(m.headers["ce_source"], m.headers["ce_sequence"]) for m in sent}) == 2
    rows = {row["action_id"]: row for m in sent for row in decode(m).events.to_pylist()}
    assert (rows["a" * 64]["policy"], rows["a" * 64]["to_version"]) == ("fraud-accuracy", "v1")
    assert (rows["b" * 64]["kind"], rows["b" * 64]["state"]) == ("suspend_batch", "undone")
