"""The connection to the broker and its topics, as far as no broker is needed."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from kafka import errors as kafka_errors

from pipeline.broker.connection import admin, options
from pipeline.broker.failures import BrokerRefused, BrokerUnavailable, told
from pipeline.broker.parameters import KafkaSettings, Protocol
from pipeline.broker.topics import MAX_RECORD_BYTES, Topic, judge, wanted
from pipeline.errors import ConfigError
from pipeline.secret import Secret

KAFKA = KafkaSettings()


@pytest.mark.parametrize(
    ("protocol", "servers", "taken"),
    [
        ("PLAINTEXT", "127.0.0.1:9092", True),
        ("PLAINTEXT", "localhost:9092,[::1]:9092,127.9.9.9:1", True),
        ("PLAINTEXT", "kafka:9092", False),
        ("PLAINTEXT", "127.0.0.1:9092,10.0.0.7:9092", False),
        ("SASL_PLAINTEXT", "localhost.example:9092", False),
        ("SSL", "kafka.example:9093", True),
    ],
)
def test_plaintext_stays_on_this_machine(protocol: str, servers: str, taken: bool) -> None:
    """Events name teams, models and predictions; by accident they must not cross a network unencrypted."""
    kafka = replace(
        KAFKA,
        security_protocol=Protocol(protocol),
        bootstrap_servers=servers,
        sasl_username="writer",
        sasl_password=Secret("x"),
    )
    assert options(replace(kafka, allow_plaintext=True))["security_protocol"] == protocol
    if taken:
        assert len(options(kafka)["bootstrap_servers"]) == servers.count(",") + 1
    else:
        with pytest.raises(ConfigError, match="allow_plaintext"):
            options(kafka)


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"bootstrap_servers": "kafka"}, "kafka.bootstrap_servers"),
        ({"bootstrap_servers": "127.0.0.1:9092,"}, "kafka.bootstrap_servers"),
        ({"bootstrap_servers": "127.0.0.1:70000"}, "kafka.bootstrap_servers"),
        ({"security_protocol": Protocol.ssl, "ssl_cafile": "nowhere.pem"}, "kafka.ssl_cafile"),
        ({"security_protocol": Protocol.ssl, "ssl_cafile": __file__}, "kafka.ssl_cafile"),
        ({"security_protocol": Protocol.ssl, "ssl_certfile": __file__}, "kafka.ssl_certfile"),
        ({"security_protocol": Protocol.sasl_ssl}, "kafka.sasl_username"),
        ({"security_protocol": Protocol.sasl_ssl, "sasl_username": "writer"}, "kafka.sasl_password"),
    ],
)
def test_a_setting_that_cannot_work_is_named(changed: dict[str, object], key: str) -> None:
    """The user reads the key to change, before anything tries to connect."""
    with pytest.raises(ConfigError) as caught:
        options(replace(KAFKA, **changed))
    assert caught.value.key == key


def test_where_nothing_listens_the_sentence_says_so_at_once() -> None:
    """kafka-python waits half a minute and then says that it could not bootstrap."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    kafka = replace(KAFKA, bootstrap_servers=f"127.0.0.1:{port}")
    with pytest.raises(BrokerUnavailable, match=f"127.0.0.1:{port}: nothing listens there"), admin(kafka):
        pass


def test_a_broker_that_the_first_one_names_is_held_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client asks 127.0.0.1, through a tunnel, and then sends all events to whom that one names."""

    class Named:
        def __init__(self, **_: object) -> None:
            """Connected."""

        def describe_cluster(self) -> dict[str, list[dict[str, object]]]:
            return {"brokers": [{"host": "127.0.0.1", "port": 9092}, {"host": "10.0.0.7", "port": 9092}]}

        def close(self) -> None:
            """There is no connection."""

    monkeypatch.setattr("pipeline.broker.connection.reach", lambda *_: None)
    monkeypatch.setattr("kafka.KafkaAdminClient", Named)
    with pytest.raises(ConfigError, match=r"10\.0\.0\.7:9092 is not this machine"), admin(KAFKA):
        pass
    with admin(replace(KAFKA, allow_plaintext=True)):
        pass


FIT = Topic("driftledger.gpu", "uuid", 8, 1, 168 * 3_600_000, -1, MAX_RECORD_BYTES, "delete", "LogAppendTime")


@pytest.mark.parametrize(
    ("setting", "changed"),
    [
        ("partitions", {"partitions": 4}),
        ("partitions", {"partitions": 16}),
        ("retention.ms", {"retention_ms": 3_600_000}),
        ("retention.bytes", {"retention_bytes": 10**9}),
        ("max.message.bytes", {"max_message_bytes": 1_048_588}),
        ("cleanup.policy", {"cleanup_policy": "compact"}),
        ("cleanup.policy", {"cleanup_policy": "compact,delete"}),
        ("message.timestamp.type", {"timestamp_type": "CreateTime"}),
    ],
)
def test_each_wrong_setting_of_a_topic_is_found(setting: str, changed: dict[str, object]) -> None:
    """With any of these, events could be lost or counted twice weeks later."""
    found = judge(FIT._replace(**changed), KAFKA)
    assert [wrong.setting for wrong in found] == [setting]
    assert found[0].remedy


def test_a_topic_as_we_make_it_is_fit() -> None:
    """A fresh installation must not complain of its own topics; unlimited retention is fine too."""
    made = wanted(KAFKA)
    assert made["retention.ms"] == str(FIT.retention_ms)
    assert judge(FIT, KAFKA) == [] == judge(FIT._replace(retention_ms=-1), KAFKA)
    assert "min.insync.replicas" not in made and wanted(replace(KAFKA, replication=3))["min.insync.replicas"]


def test_every_error_of_the_client_becomes_a_sentence() -> None:
    """What may pass by itself is told from what somebody must change; none is a stack trace."""
    for kind in vars(kafka_errors).values():
        if isinstance(kind, type) and issubclass(kind, kafka_errors.KafkaError):
            error = kind({}) if kind is kafka_errors.LogTruncationError else kind()
            sentence = str(told(error, "sending"))
            assert sentence.startswith("sending: ") and "\n" not in sentence
    assert isinstance(told(kafka_errors.KafkaTimeoutError("x"), "sending"), BrokerUnavailable)
    assert isinstance(told(kafka_errors.TopicAuthorizationFailedError("x"), "sending"), BrokerRefused)
