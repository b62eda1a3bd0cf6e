"""Predictions that others write to Kafka, in their own form: mapped, counted once, and gaps are known."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from kafka import KafkaProducer
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from collectors.live.inference import assembly, rules
from collectors.live.inference.found import Found
from collectors.live.inference.rules import Rules
from collectors.live.inference_topics import mapping, places, values
from collectors.live.inference_topics.collector import Topics, collector
from collectors.live.inference_topics.parameters import InferenceTopicsSettings
from pipeline.broker.parameters import Protocol
from pipeline.collect import turns
from pipeline.collect.doors import Ledger
from pipeline.collect.report import Report
from pipeline.collect.state import State
from pipeline.embedded import Embedded
from pipeline.errors import ConfigError
from pipeline.rig.kafka import GUEST, Kafka
from pipeline.secret import Secret
from pipeline.store import Store
from tests.command import Command
from tests.generated import NOW
from tests.inference.foreign_topics import Consumer
from tests.waiting import until
from tests.worker.kafka_messages import NoText

MAP = """
topics:
  scores-{id}:
    columns:
      {{model: meta.model, prediction_id: [meta, x.id], prediction: out.0, time: ts, latency_seconds: ms}}
    constants: {{model_version: 7}}
    features: in
    time_unit: ms
    scale: {{latency_seconds: 0.001}}
  truths-{id}:
    event: label
    columns: {{prediction_id: id, label: truth}}
    constants: {{model: m}}
"""
WAIT_SECONDS = 60.0
CANARY = "4111-SECRET"


def _map(tmp_path: Path, id_: str = "x") -> str:
    path = tmp_path / "map.yaml"
    path.write_text(MAP.format(id=id_))
    return str(path)


def _value(i: int, **changed: object) -> bytes:
    value = {"meta": {"model": "m", "x.id": f"p{i}"}, "out": [i % 2], "ms": 250, "in": {"a": i, "b": "x"}}
    return json.dumps(value | {"ts": NOW // 1000} | changed).encode()


def test_fields_of_a_value_become_columns_in_our_units(tmp_path: Path) -> None:
    """A scale or a unit that is wrong by a thousand would be a wrong latency for good."""
    mapped = mapping.load(_map(tmp_path))["scores-x"]
    for value in (_value(1), b"\0\0\0\0\7" + _value(1)):
        (row,) = values.parse(value, 5, mapped, Rules()).rows["inference"]
        assert row == {
            "model": "m", "model_version": "7", "prediction_id": "p1", "prediction": "1", "time": NOW,
            "latency_seconds": 0.25, "features": {"a": 1.0, "b": "x"},
        }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{", "malformed"), (b"7", "wrong_type"), (b"[]", "empty"), (b"[" * 100_000, "malformed"),
        (_value(1, ms="fast"), "wrong_type"), (_value(1, ts="yesterday"), "wrong_type"),
        (_value(1, out=[{}]), "wrong_type"),
        (_value(1, **{"in": {f"f{i}": 1 for i in range(1_001)}}), "too_large"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_a_reason(tmp_path: Path, value: bytes, reason: str) -> None:
    """One producer's change of its form must be seen, and must not stop the others."""
    found = values.parse(value, NOW, mapping.load(_map(tmp_path))["scores-x"], Rules())
    assert [r.reason for r in found.rejected] == [reason] and found.read == 1


def test_what_is_sensitive_in_a_foreign_value_never_leaves(tmp_path: Path) -> None:
    """Others write whole requests to their topics: what must stay is in no event and in no refusal."""
    path = tmp_path / "rules.yaml"
    path.write_text("models: {m: {rename: {a: amount}, sensitive: [card, prediction_id, score]}}")
    found, held = Found(), rules.load(str(path))
    mapped = mapping.load(_map(tmp_path))
    inside = {"in": {"a": 1, "card": CANARY}}
    whole = _value(1, meta={"model": "m", "x.id": CANARY}, **inside)
    nameless = _value(1, meta={"x.id": CANARY}, **inside)  # its model is not told
    wrong = [_value(1, **{name: CANARY}, **inside) for name in ("ts", "ms")]
    wrong += [whole[:-3], whole + CANARY.encode(), b"\xff" + whole, _value(1, meta=CANARY, **inside)]
    for value in (whole, nameless, *wrong):
        found.take(values.parse(value, NOW, mapped["scores-x"], held))
    found.take(values.parse(b'{"id": "%s", "truth": 1}' % CANARY.encode(), NOW, mapped["truths-x"], held))
    parsed = assembly.parsed(found, held, "c", NOW)
    told = repr([table.to_pylist() for table in parsed.events.values()]) + repr(parsed.rejected)
    assert CANARY not in told
    [row] = parsed.events["inference"].to_pylist()
    assert {name: value for name, value in row["features"].items() if value} == {"amount": 1.0}
    assert row["prediction_id"] is None


def test_hostile_texts_and_half_a_value_are_rows_and_what_comes_after_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others write to their topics is theirs: 100 kB of it must not become a key of every fact."""
    consumer, long = Consumer(), "x" * 100_000
    monkeypatch.setattr(Topics, "_consumer", lambda self: consumer)
    for changed in (
        {"meta": {"model": long, "x.id": "p"}}, {"meta": {"model": "m", "x.id": long}}, {"out": [long]},
        {"meta": {"model": "a\0b", "x.id": "p"}}, {"ms": "NaN"}, {"in": {"a": long * 30}},
    ):  # fmt: skip
        consumer.sees("scores-x", _value(1, **changed))
    consumer.sees("scores-x", _value(1)[:-5])
    consumer.sees("scores-x", _value(2).replace(b"250", b"NaN"))
    for hostile in ({"id": long, "truth": 1}, {"id": "1", "truth": long}):
        consumer.sees("truths-x", json.dumps(hostile).encode(), NOW // 1_000)
    consumer.sees("truths-x", b'{"id": "no time", "truth": 1}', None)
    consumer.sees("scores-x", _value(3))
    consumer.sees("truths-x", b'{"id": "p3", "truth": 1}', NOW // 1_000)
    settings = InferenceTopicsSettings(map_file=_map(tmp_path))
    with _reading(tmp_path, settings) as (store, report):
        until(lambda: store.rows("labels").num_rows == 1, "the label after all of them", WAIT_SECONDS)
        assert _count(store) == 1
        refused = store.rows("rejected").to_pylist()
        assert report.not_ready() == []
    reasons = ["malformed"] * 2 + ["nul_character"] + ["text_too_long"] * 5
    reasons += ["time_out_of_range", "too_large", "wrong_type"]
    assert sorted(row["reason"] for row in refused) == reasons
    assert all(len(row["detail"]) < 1_000 and long[:99] not in row["detail"] for row in refused)


@pytest.mark.parametrize(
    "text",
    ["topics: {}", "topics: {t: {columns: {modle: a}}}", "topics: {t: {columns: {model: a}}}",
     "topics: {t: {event: flow, columns: {}}}", "topics: {t: {columns: {model: a}, scale: {score: x}}}",
     *(f"topics: {{t: {{event: label, columns: {{model: a, prediction_id: c}}, scale: {{score: {wrong}}}}}}}"
       for wrong in ("0", "-1", "nan", "inf"))],
)  # fmt: skip
def test_a_wrong_mapping_names_the_key(tmp_path: Path, text: str) -> None:
    """A column that is misspelt would be missing in every event."""
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        mapping.load(str(path))


@contextmanager
def _reading(folder: Path, settings: InferenceTopicsSettings) -> Iterator[tuple[Store, Report]]:
    report = Report()
    source = collector(settings, "c")
    failures: list[BaseException] = []
    with Store.open(folder / "ledger") as store, State.open(folder / "state") as state:
        door = Ledger(Embedded(store))

        def run() -> None:
            try:
                turns.run(
                    "inference_topics", source, state, door, report, partial(report.turn, "inference_topics")
                )
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield store, report
        finally:
            report.stop()
            thread.join(30)
    if failures:
        raise failures[0]


def _count(store: Store) -> int:
    return sum(row["count"] for row in store.rows("prediction_sums").to_pylist())


def test_messages_of_a_real_broker_count_once_through_a_restart_and_a_loss_is_a_gap(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offsets in the cursor, not in a group: a restart must neither read twice nor skip."""
    monkeypatch.setattr(places, "_ASK_SECONDS", 0.5)
    id_ = str(time.time_ns())
    scores, truths = f"scores-{id_}", f"truths-{id_}"
    named = tmp_path / "rules.yaml"
    named.write_text("models: {m: {model: named}}")
    settings = InferenceTopicsSettings(
        map_file=_map(tmp_path, id_), rules_file=str(named), bootstrap_servers=kafka.bootstrap,
        gather_seconds=0.1,
    )  # fmt: skip
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", linger_ms=5)

    def send(topic: str, sent: list[bytes | None]) -> None:
        odd = [(NoText("odd"), b"x")]  # ended the collector at every start
        for future in [producer.send(topic, value, key=b"k", headers=odd) for value in sent]:
            future.get(30)

    try:
        topics: dict[str, Any] = {t: {"num_partitions": 2, "replication_factor": 1} for t in (scores, truths)}
        with _reading(tmp_path, settings) as (store, report):
            until(lambda: any("no topic" in reason for reason in report.not_ready()), "it", WAIT_SECONDS)
            admin.create_topics(topics)
            admin.wait_for_topics(list(topics))
            send(scores, [*(_value(i) for i in range(50)), None, b"{"])
            send(truths, [json.dumps({"id": "p1", "truth": 1}).encode()])
            until(lambda: _count(store) == 50 and store.rows("labels").num_rows == 1, "it", WAIT_SECONDS)
            until(lambda: store.rows("rejected").num_rows == 1, "it", WAIT_SECONDS)
            assert report.not_ready() == []
            told = [*store.rows("prediction_sums").to_pylist(), *store.rows("labels").to_pylist()]
            assert {row["model"] for row in told} == {"named"}, "by the rules that leave nothing sensitive"
        send(scores, [_value(i) for i in range(50, 80)])
        with _reading(tmp_path, settings) as (store, _):
            until(lambda: _count(store) == 80, "it", WAIT_SECONDS)
            assert store.rows("gaps").num_rows == 0
        send(scores, [_value(i) for i in range(80, 100)])
        _delete_up_to(admin, scores)
        send(scores, [_value(i) for i in range(100, 110)])
        with _reading(tmp_path, settings) as (store, _):
            until(lambda: _count(store) == 90, "it", WAIT_SECONDS)
            (gap,) = store.rows("gaps").to_pylist()
            assert (gap["kind"], gap["lost"]) == ("passed_unread", 20)
        _by_one_command(tmp_path / "alone", settings)
    finally:
        producer.close()
        admin.close()


def _may(topic: str, operation: ACLOperation) -> list[ACL]:
    pattern = ResourcePattern(ResourceType.TOPIC, topic, ACLResourcePatternType.LITERAL)
    return [ACL(f"User:{GUEST}", "*", operation, ACLPermissionType.ALLOW, pattern)]


def test_a_topic_without_a_right_is_named_with_the_operation_and_the_other_goes_on(
    secure_kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has to grant it must read what on which topic; and whoever did so need not restart anything."""
    monkeypatch.setattr(places, "_ASK_SECONDS", 0.3)
    monkeypatch.setattr(places, "_REFUSED_SECONDS", 0.5)
    id_ = str(time.time_ns())
    scores, truths = f"scores-{id_}", f"truths-{id_}"
    secure = secure_kafka.secure
    assert secure is not None
    settings = InferenceTopicsSettings(
        map_file=_map(tmp_path, id_), bootstrap_servers=secure.bootstrap, gather_seconds=0.1,
        security_protocol=Protocol.sasl_ssl, sasl_username=GUEST,
        sasl_password=Secret(secure.guest_password), ssl_cafile=str(secure.cafile),
    )  # fmt: skip
    owner = KafkaAdminClient(bootstrap_servers=secure_kafka.bootstrap)
    producer = KafkaProducer(bootstrap_servers=secure_kafka.bootstrap, acks="all")
    try:
        owner.create_topics({t: {"num_partitions": 1, "replication_factor": 1} for t in (scores, truths)})
        owner.wait_for_topics([scores, truths])
        producer.send(scores, _value(1)).get(30)
        producer.send(truths, b'{"id": "p1", "truth": 1}').get(30)
        with _reading(tmp_path, settings) as (store, report):

            def said(*words: str) -> bool:
                return all(any(word in text for text in report.remarks()) for word in words)

            refused = "the broker refuses {} on topic {} (TopicAuthorizationFailed): grant Read on it"
            no_sight = [refused.format("Describe", topic) for topic in (scores, truths)]
            until(lambda: said(*no_sight), "both", WAIT_SECONDS, report.remarks)
            until(lambda: "none to read" in " ".join(report.not_ready()), "so none", WAIT_SECONDS)
            owner.create_acls(_may(truths, ACLOperation.READ) + _may(scores, ACLOperation.DESCRIBE))
            until(lambda: store.rows("labels").num_rows == 1, "the label", WAIT_SECONDS, report.remarks)
            until(lambda: said(refused.format("Read", scores)), "the other", WAIT_SECONDS, report.remarks)
            until(lambda: report.not_ready() == [], "it is ready for what it may", WAIT_SECONDS)
            until(lambda: not said(truths), "its right is there", WAIT_SECONDS, report.remarks)
            producer.send(truths, b'{"id": "p2", "truth": 1}').get(30)
            until(lambda: store.rows("labels").num_rows == 2, "the next", WAIT_SECONDS, report.not_ready)
            owner.create_acls(_may(scores, ACLOperation.READ))
            until(lambda: _count(store) == 1, "the prediction", WAIT_SECONDS, report.remarks)
            until(lambda: report.remarks() == [], "nothing is lacking", WAIT_SECONDS, report.remarks)
    finally:
        operations = (ACLOperation.READ, ACLOperation.DESCRIBE)
        owner.delete_acls([a for t in (scores, truths) for o in operations for a in _may(t, o)])
        producer.close()
        owner.close()


def _by_one_command(folder: Path, settings: InferenceTopicsSettings) -> None:
    """`up` in an empty folder reads what the broker still has."""
    folder.mkdir()
    config = folder / "up.yaml"
    config.write_text(f"""
store: {{folder: {folder / "ledger"}}}
collect: {{cluster: c, state_folder: {folder / "state"}, health_port: 0}}
up: {{collect: inference_topics, dashboard: false}}
inference_topics: {{map_file: {settings.map_file}, bootstrap_servers: "{settings.bootstrap_servers}"}}
""")

    def taken() -> bool:
        if not (folder / "ledger").exists():
            return False
        with Store.open(folder / "ledger", read_only=True) as store:
            return _count(store) == 10

    with Command(config, "up") as up:
        health = up.said(r"health on (http://\S+)")
        until(lambda: requests.get(f"{health}/readyz", timeout=5).ok and taken(), "it", WAIT_SECONDS)
        assert up.stop() == 0, up.log


def _delete_up_to(admin: KafkaAdminClient, topic: str) -> None:
    """As retention does: everything that is in the topic now is gone."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=admin.config["bootstrap_servers"])
    parts = [TopicPartition(topic, p) for p in (0, 1)]
    ends = consumer.end_offsets(parts)
    consumer.close()
    admin.delete_records({part: ends[part] for part in parts if ends[part]})
