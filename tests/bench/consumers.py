"""What a worker is measured against: other ways to read a topic, each in a process of its own.

Usage: python -m tests.bench.consumers WAY BOOTSTRAP TOPIC PARTITIONS MESSAGES; prints one JSON object with
events, bytes, wall seconds and CPU seconds from the first request to the last message.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from pipeline.events import Message, decode

_FETCHED_TOGETHER = 500


class Counted:
    """Counts messages until all are there, and keeps the time."""

    def __init__(self, wanted: int, decodes: bool) -> None:
        self.wanted, self.decodes = wanted, decodes
        self.messages = self.events = self.bytes = 0
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    @property
    def is_all(self) -> bool:
        return self.messages >= self.wanted

    def take(self, record: Any) -> None:
        self.messages += 1
        self.bytes += len(record.value)
        self.events += _events(record) if self.decodes else 0

    def result(self) -> dict[str, float]:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return {
            "messages": self.messages,
            "events": self.events,
            "bytes": self.bytes,
            "seconds": wall,
            "cpu_seconds": cpu,
        }


def _events(record: Any) -> int:
    headers = {name: text.decode() for name, text in record.headers}
    message = Message(
        record.topic, "", record.partition, record.offset, record.timestamp * 1_000, headers, record.value
    )
    decoded = decode(message)
    assert not decoded.rejected, decoded.rejected[0]
    return decoded.events.num_rows


def kafka_python(bootstrap: str, topic: str, partitions: int, wanted: int, decodes: bool) -> dict[str, float]:
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    consumer.assign([TopicPartition(topic, n) for n in range(partitions)])
    consumer.seek_to_beginning()
    counted = Counted(wanted, decodes)
    while not counted.is_all:
        for records in consumer.poll(1_000, max_records=_FETCHED_TOGETHER).values():
            for record in records:
                counted.take(record)
    found = counted.result()
    consumer.close()
    return found


async def aiokafka(
    bootstrap: str, topic: str, partitions: int, wanted: int, decodes: bool
) -> dict[str, float]:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    consumer.assign([TopicPartition(topic, n) for n in range(partitions)])
    await consumer.seek_to_beginning()
    counted = Counted(wanted, decodes)
    while not counted.is_all:
        found = await consumer.getmany(timeout_ms=1_000, max_records=_FETCHED_TOGETHER)
        for records in found.values():
            for record in records:
                counted.take(record)
    numbers = counted.result()
    await consumer.stop()
    return numbers


async def faust(bootstrap: str, topic: str, wanted: int) -> dict[str, float]:
    """The loop of Faust's introduction: one JSON event a message, nothing done with it."""
    import faust as library

    app = library.App(
        "bench-one-event", broker=f"aiokafka://{bootstrap}", web_enabled=False,
        consumer_auto_offset_reset="earliest", topic_allow_declare=False, topic_disable_leader=True,
    )  # fmt: skip
    done = asyncio.Event()
    seen: list[tuple[float, float]] = []
    count = 0

    async def read(stream: Any) -> None:
        nonlocal count
        async for _event in stream:
            if not count:
                seen.append((time.perf_counter(), time.process_time()))
            count += 1
            if count == wanted:
                seen.append((time.perf_counter(), time.process_time()))
                done.set()

    app.agent(app.topic(topic, value_serializer="json"))(read)
    await app.start()
    await done.wait()
    (wall, cpu), (wall_end, cpu_end) = seen
    await app.stop()
    return {"messages": count, "events": count, "seconds": wall_end - wall, "cpu_seconds": cpu_end - cpu}


WAYS: dict[str, Callable[[str, str, int, int], Any]] = {
    "kafka-python": lambda *where: kafka_python(*where, False),
    "kafka-python + decode": lambda *where: kafka_python(*where, True),
    "aiokafka": lambda *where: asyncio.run(aiokafka(*where, False)),
    "aiokafka + decode": lambda *where: asyncio.run(aiokafka(*where, True)),
    "Faust, one event a message": lambda server, topic, _, wanted: asyncio.run(faust(server, topic, wanted)),
}

if __name__ == "__main__":
    way, server, name, parts, messages = sys.argv[1:]
    print(json.dumps(WAYS[way](server, name, int(parts), int(messages))))
