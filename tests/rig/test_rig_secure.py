"""The rig's listener with TLS and passwords keeps out whom it should, so its tests prove something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    NewTopic,
    ResourcePattern,
    ResourceType,
)

from pipeline.broker import topics
from pipeline.broker.connection import admin
from pipeline.broker.failures import BrokerRefused
from pipeline.broker.parameters import KafkaSettings, Protocol
from pipeline.errors import PreflightFailed
from pipeline.rig.kafka import GUEST, Kafka
from pipeline.rig.tls import certificates
from pipeline.secret import Secret
from tests.rigs import clear

TOPIC = "driftledger.rig"


def login(kafka: Kafka, **changed: Any) -> KafkaSettings:
    assert kafka.secure is not None
    listener = kafka.secure._replace(**changed)
    return KafkaSettings(
        bootstrap_servers=listener.bootstrap, security_protocol=Protocol.sasl_ssl,
        sasl_username=listener.username, sasl_password=Secret(listener.password),
        ssl_cafile=str(listener.cafile),
    )  # fmt: skip


def test_the_secure_listener_lets_in_who_has_the_password(secure_kafka: Kafka) -> None:
    """Our own TLS and SCRAM clients are tested on it."""
    with admin(login(secure_kafka)) as client:
        client.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])
        assert TOPIC in client.list_topics()


def test_the_secure_listener_keeps_out_everybody_else(secure_kafka: Kafka, tmp_path: Path) -> None:
    """If it took any password or any authority, the tests of our clients would prove nothing."""
    wrong = [
        ({"password": "guessed"}, "credentials"),
        ({"username": "nobody"}, "credentials"),
        ({"cafile": certificates(tmp_path).cafile}, "not trusted"),
    ]
    for changed, why in wrong:
        with pytest.raises(BrokerRefused, match=why), admin(login(secure_kafka, **changed)):
            pass


def test_a_guest_of_the_secure_listener_has_no_rights(secure_kafka: Kafka) -> None:
    """What happens without the right to a topic must be testable."""
    assert secure_kafka.secure is not None
    guest = login(secure_kafka, username=GUEST, password=secure_kafka.secure.guest_password)
    with pytest.raises(BrokerRefused, match="no right"), admin(guest) as client:
        client.create_topics([NewTopic("driftledger.other", num_partitions=1, replication_factor=1)])


@pytest.fixture
def reader(secure_kafka: Kafka) -> Iterator[KafkaSettings]:
    """The guest, with rights to our topics and none to make them; no topic is there."""
    assert secure_kafka.secure is not None
    clear(secure_kafka.bootstrap)
    topics_of_ours = ResourcePattern(ResourceType.TOPIC, "driftledger.", ACLResourcePatternType.PREFIXED)
    rights = [
        ACL(f"User:{GUEST}", "*", operation, ACLPermissionType.ALLOW, topics_of_ours)
        for operation in (ACLOperation.DESCRIBE, ACLOperation.DESCRIBE_CONFIGS, ACLOperation.READ)
    ]
    with admin(KafkaSettings(bootstrap_servers=secure_kafka.bootstrap)) as owner:
        owner.create_acls(rights)
        yield login(secure_kafka, username=GUEST, password=secure_kafka.secure.guest_password)
        owner.delete_acls(rights)


def test_a_missing_topic_that_may_not_be_made_is_told_with_the_right_that_makes_it(
    reader: KafkaSettings,
) -> None:
    """Who grants Read and Write, as for a topic that is there, tries in vain."""
    with admin(reader) as client:
        with pytest.raises(BrokerRefused, match=r"driftledger\.gpu.*grant Create on the cluster"):
            topics.ensure(client, reader)
        with pytest.raises(PreflightFailed, match=r"create_topics is false: .*driftledger\.gpu"):
            topics.ensure(client, replace(reader, create_topics=False))
