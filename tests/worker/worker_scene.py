"""What tests of workers share: topics on the run's broker, workers on them, and the ledgers they leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from pipeline.broker import connection, topics
from pipeline.broker.parameters import KafkaSettings
from pipeline.embedded import Embedded
from pipeline.events import Message
from pipeline.facts.catalogue import FACTS
from pipeline.rig.kafka import Kafka
from pipeline.store import Store
from tests.waiting import until
from tests.worker.kafka_messages import send
from tests.worker.worker_process import WorkerProcess


class Scene:
    """New topics of few partitions, a new consumer group, and a ledger in `folder`."""

    def __init__(self, broker: Kafka, folder: Path, partitions: int = 2) -> None:
        self.kafka = KafkaSettings(bootstrap_servers=broker.bootstrap, partitions=partitions)
        self.group = f"test-{uuid4()}"
        self.lake = folder / "lake"
        with self.admin() as admin:
            self.topic_ids = {name: topic.id for name, topic in topics.ensure(admin, self.kafka).items()}

    @contextmanager
    def admin(self) -> Iterator[Any]:
        with connection.admin(self.kafka) as admin:
            yield admin

    def worker(self, name: str = "w0", **settings: object) -> WorkerProcess:
        """On an empty ledger, where there is none: a worker takes longer to make its tables than most tests
        to fill them.  Those of tests/faults and tests/test_whole_way.py make their own.
        """
        if not self.lake.exists():
            Store.open(self.lake).close()
        return WorkerProcess(
            self.lake, self.kafka.bootstrap_servers,
            partitions=self.kafka.partitions, group=self.group, name=name, **settings,
        )  # fmt: skip

    def send(self, messages: Sequence[Message], partition: int | None = None) -> None:
        send(self.kafka.bootstrap_servers, messages, partition)

    def read(self, topic: str) -> list[Message]:
        """Everything that a topic holds now."""
        from kafka import KafkaConsumer, TopicPartition

        consumer = KafkaConsumer(bootstrap_servers=self.kafka.bootstrap_servers)
        try:
            parts = [TopicPartition(topic, n) for n in range(self.kafka.partitions)]
            consumer.assign(parts)
            consumer.seek_to_beginning()
            left = sum(consumer.end_offsets(parts).values())
            found: list[Message] = []
            while len(found) < left:
                for records in consumer.poll(timeout_ms=1_000).values():
                    found += [_message(record) for record in records]
            return found
        finally:
            consumer.close()

    def until_taken(self, count: int, *workers: WorkerProcess) -> None:
        """Wait until these workers together have brought so many messages into the ledger."""
        until(
            lambda: sum(worker.taken() for worker in workers) >= count,
            f"{count} messages are taken",
            log=lambda: [worker.log for worker in workers],
        )

    def rows(self, fact: str) -> list[dict[str, Any]]:
        with Store.open(self.lake, read_only=True) as store:
            found: list[dict[str, Any]] = store.rows(fact).to_pylist()
            return found

    def samples(self) -> int:
        """How many `gpu` events are in the ledger."""
        return sum(row["samples"] for row in self.rows("gpu_usage"))


def _message(record: Any) -> Message:
    headers = {name: text.decode() for name, text in record.headers}
    return Message(
        record.topic, "", record.partition, record.offset, record.timestamp, headers, record.value, record.key
    )


def ledger(folder: Path) -> dict[str, list[str]]:
    """Every fact's rows; of refusals what does not depend on where and when they were read."""
    with Store.open(folder, read_only=True) as store, store.steady():
        tables = {name: store.rows(name) for name in FACTS}
    tables["rejected"] = tables["rejected"].select(["topic", "row", "reason", "detail", "head"])
    return {name: sorted(map(repr, table.to_pylist())) for name, table in tables.items()}


def embedded(folder: Path, messages: Sequence[Message]) -> dict[str, list[str]]:
    """The ledger of the same messages without a broker."""
    with Store.open(folder) as store:
        Embedded(store).take(messages)
    return ledger(folder)
