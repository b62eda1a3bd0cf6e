"""What a broker holds: read by a plain consumer, and taken into a ledger as a worker would take it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from pipeline.broker.connection import admin
from pipeline.broker.parameters import KafkaSettings
from pipeline.broker.topics import described
from pipeline.events import TYPES, Message, identity
from pipeline.ingest import Ingest
from pipeline.step import Step
from pipeline.store import Store

TIME = 1_790_000_000_000_000
LABEL = TYPES["label"]


def labels(source: str, sequence: int, rows: int = 3, padding: int = 0) -> pa.Table:
    """Label events whose prediction ids say where they come from; `padding` bytes more a row."""
    return pa.table(
        {
            "model": ["m"] * rows,
            "prediction_id": [f"{source}:{sequence}:{row}" for row in range(rows)],
            "time": pa.array([TIME + row for row in range(rows)], pa.timestamp("us", "UTC")),
            "label": ["yes" + "x" * padding] * rows,
        }
    )


def ids(sources: Sequence[str], sequences: int, rows: int = 3) -> set[str]:
    return {f"{source}:{n}:{row}" for source in sources for n in range(sequences) for row in range(rows)}


def consumed(kafka: KafkaSettings) -> Iterator[Message]:
    """Every message of every topic, as the broker has them now; partitions in any order."""
    from kafka import KafkaConsumer, TopicPartition

    with admin(kafka) as client:
        topics = described(client)
    consumer = KafkaConsumer(
        bootstrap_servers=kafka.bootstrap_servers, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        places = [TopicPartition(name, n) for name, topic in topics.items() for n in range(topic.partitions)]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        missing = {place for place in places if ends[place]}
        while missing:
            for place, records in consumer.poll(timeout_ms=1_000).items():
                for record in records:
                    headers = {name: value.decode() for name, value in record.headers}
                    yield Message(
                        record.topic, topics[record.topic].id, record.partition, record.offset,
                        record.timestamp * 1_000, headers, record.value, record.key or b"",
                    )  # fmt: skip
                if consumer.position(place) >= ends[place]:
                    missing.discard(place)
    finally:
        consumer.close()


@dataclass
class Arrived:
    """What a ledger has of the label events: each id as often as it stands there."""

    ids: list[str]
    rejected: int
    step: Step = field(default_factory=Step)


def arrived(kafka: KafkaSettings, folder: Path) -> Arrived:
    """All that the broker holds, taken into a new ledger in that folder."""
    whole = Step()
    with Store.open(folder) as store:
        ingest = Ingest(store)
        waiting: list[Message] = []
        for message in consumed(kafka):
            waiting.append(message)
            if len(waiting) == 200:
                whole.add(ingest.step(waiting))
                waiting = []
        whole.add(ingest.step(waiting))
        found = store.rows("labels")["prediction_id"].to_pylist()
        rejected = store.rows("rejected").num_rows
    return Arrived(found, rejected, whole)


def assert_in_order(messages: Sequence[Message]) -> None:
    """Of each source, every sequence appears first after all lower ones appeared: the ledger loses none."""
    highest: dict[tuple[str, int, str], int] = {}
    seen: dict[tuple[str, int, str], set[int]] = {}
    for message in messages:
        who = identity(message)
        assert who is not None
        stream = message.topic, message.partition, who.source
        if who.sequence not in seen.setdefault(stream, set()):
            assert who.sequence > highest.get(stream, -1), f"{stream}: {who.sequence} was overtaken"
            highest[stream] = who.sequence
            seen[stream].add(who.sequence)
