"""The topics of all event types: created where they may be, and held to what exactly-once needs.

Changing the partitions of a topic in use moves sources to other partitions, where a message that is sent
again would count twice; compaction, a limit by size or a short retention would take messages away unread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pipeline.broker.failures import BrokerRefused, told
from pipeline.broker.parameters import KafkaSettings
from pipeline.errors import ConfigError, PreflightFailed
from pipeline.wire.catalogue import TYPES
from pipeline.wire.limits import MAX_MESSAGE_BYTES

MAX_RECORD_BYTES = MAX_MESSAGE_BYTES + 65_536
"""What a topic must take: the largest value, its key and headers, and what Kafka puts around them."""

_HOUR_MS = 3_600_000
_UNKNOWN_TOPIC = 3
_EXISTS = 36


class TopicUnfit(PreflightFailed):
    """Topics exist and are not as they must be; the sentence names each setting and what to write."""


class Topic(NamedTuple):
    """A topic as the broker has it; `id` is its UUID as text, -1 means without limit."""

    name: str
    id: str
    partitions: int
    replication: int
    retention_ms: int
    retention_bytes: int
    max_message_bytes: int
    cleanup_policy: str
    timestamp_type: str


class Wrong(NamedTuple):
    """One setting of a topic that does not do, and what to do about it."""

    topic: str
    setting: str
    value: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.setting} is {self.value}; {self.remedy}"


def names() -> list[str]:
    return [type_.topic for type_ in TYPES.values()]


def wanted(kafka: KafkaSettings) -> dict[str, str]:
    """The settings that a topic is created with."""
    settings = {
        "cleanup.policy": "delete",
        "max.message.bytes": str(MAX_RECORD_BYTES),
        "message.timestamp.type": "LogAppendTime",
        "retention.bytes": "-1",
        "retention.ms": str(kafka.retention_hours * _HOUR_MS),
    }
    return settings | ({"min.insync.replicas": "2"} if kafka.replication > 2 else {})


def judge(topic: Topic, kafka: KafkaSettings) -> list[Wrong]:
    """What is wrong with a topic."""
    found: list[Wrong] = []

    def hold(right: bool, setting: str, value: object, remedy: str) -> None:
        if not right:
            found.append(Wrong(topic.name, setting, str(value), remedy))

    retention = kafka.retention_hours * _HOUR_MS
    hold(
        topic.partitions == kafka.partitions, "partitions", topic.partitions,
        f"write kafka.partitions: {topic.partitions}; never change those of a topic in use",
    )  # fmt: skip
    hold(
        topic.retention_ms == -1 or topic.retention_ms >= retention, "retention.ms", topic.retention_ms,
        f"set it to at least {retention} (kafka.retention_hours), or messages pass unread",
    )  # fmt: skip
    hold(topic.retention_bytes == -1, "retention.bytes", topic.retention_bytes, "set it to -1, for the same")
    hold(
        topic.max_message_bytes >= MAX_RECORD_BYTES, "max.message.bytes", topic.max_message_bytes,
        f"set it to {MAX_RECORD_BYTES}, or large messages are refused",
    )  # fmt: skip
    hold(topic.cleanup_policy == "delete", "cleanup.policy", topic.cleanup_policy, "set it to delete")
    hold(
        topic.timestamp_type == "LogAppendTime", "message.timestamp.type", topic.timestamp_type,
        "set it to LogAppendTime: the age of an event is told by the broker's clock, not a producer's",
    )  # fmt: skip
    return found


def described(admin: Any) -> dict[str, Topic]:
    """The topics that exist, by name; raises BrokerRefused where we may not see them."""
    from kafka.errors import for_code

    shapes: dict[str, Mapping[str, Any]] = {}
    for shape in admin.describe_topics(names()):
        code = shape["error_code"]
        if code == _UNKNOWN_TOPIC:
            continue
        if code:
            raise told(for_code(code)(shape["name"]), f"looking at topic {shape['name']}")
        shapes[shape["name"]] = shape
    settings = _settings(admin, shapes)
    return {name: _topic(name, shapes[name], settings.get(name, {})) for name in names() if name in shapes}


def _settings(admin: Any, topics: Iterable[str]) -> dict[str, dict[str, Any]]:
    from kafka.admin import ConfigResource, ConfigResourceType

    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
    if not asked:
        return {}
    answer: dict[str, dict[str, Any]] = admin.describe_configs(asked, config_filter="all")["topic"]
    return answer


def _topic(name: str, shape: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]]) -> Topic:
    def setting(key: str) -> str:
        if key not in settings:
            raise BrokerRefused(f"the settings of {name} may not be read: grant DescribeConfigs on it")
        return str(settings[key]["value"])

    partitions = shape["partitions"]
    return Topic(
        name=name,
        id=str(shape["topic_id"]),
        partitions=len(partitions),
        replication=min((len(p["replica_nodes"]) for p in partitions), default=0),
        retention_ms=int(setting("retention.ms")),
        retention_bytes=int(setting("retention.bytes")),
        max_message_bytes=int(setting("max.message.bytes")),
        cleanup_policy=setting("cleanup.policy"),
        timestamp_type=setting("message.timestamp.type"),
    )


def ensure(admin: Any, kafka: KafkaSettings) -> dict[str, Topic]:
    """Every topic, by name, created where it is missing; `admin` is that of `connection.admin`.

    Raises TopicUnfit with everything that is wrong, BrokerRefused where a right is missing, PreflightFailed
    where a topic is missing and kafka.create_topics is false.
    """
    topics = described(admin)
    missing = [name for name in names() if name not in topics]
    if missing and not kafka.create_topics:
        raise PreflightFailed(
            f"topics are missing and kafka.create_topics is false: {', '.join(missing)}; "
            "`driftledger topics` says how they must be"
        )
    if missing:
        create(admin, kafka, missing)
        topics = described(admin)
    wrong = [finding for topic in topics.values() for finding in judge(topic, kafka)]
    if wrong:
        raise TopicUnfit("; ".join(sentences(wrong)))
    return topics


def sentences(wrong: Iterable[Wrong]) -> list[str]:
    """Each finding once, with all topics that have it."""
    topics: dict[Wrong, list[str]] = {}
    for finding in wrong:
        topics.setdefault(finding._replace(topic=""), []).append(finding.topic)
    return [str(finding._replace(topic=", ".join(of))) for finding, of in topics.items()]


def create(admin: Any, kafka: KafkaSettings, missing: Iterable[str]) -> None:
    """Make these topics and wait until they can be used; one that appears meanwhile is left as it is."""
    from kafka.errors import (
        ClusterAuthorizationFailedError,
        InvalidReplicationFactorError,
        KafkaError,
        TopicAuthorizationFailedError,
        for_code,
    )

    asked = {
        name: {
            "num_partitions": kafka.partitions,
            "replication_factor": kafka.replication,
            "configs": wanted(kafka),
        }
        for name in missing
    }
    try:
        answer = admin.create_topics(asked, raise_errors=False)
        for topic in answer["topics"]:
            if topic["error_code"] not in (0, _EXISTS):
                raise for_code(topic["error_code"])(topic.get("error_message") or topic["name"])
        admin.wait_for_topics(list(asked))
    except InvalidReplicationFactorError as error:
        remedy = "write at most the number of brokers"
        raise ConfigError("kafka.replication", kafka.replication, remedy) from error
    except (ClusterAuthorizationFailedError, TopicAuthorizationFailedError) as error:
        raise BrokerRefused(
            f"topics are missing and may not be created: {', '.join(asked)}; grant Create on the cluster "
            "or on these topics, or let somebody else make them (`driftledger topics` says how they must be)"
        ) from error
    except KafkaError as error:
        raise told(error, f"creating {', '.join(asked)}") from error
