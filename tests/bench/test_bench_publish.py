"""Speed of the publisher beside a bare kafka-python producer with the same messages, on one real broker."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collectors.publish.parameters import Compression, PublishSettings
from collectors.publish.publisher import Publisher
from pipeline.broker.connection import admin, options
from pipeline.broker.parameters import KafkaSettings
from pipeline.broker.topics import ensure
from pipeline.events import TYPES, Message, encode
from pipeline.rig.kafka import Kafka
from tests.bench import batches

MEGABYTES = 150
ROUNDS = 5
SOURCES = 8
IN_FLIGHT_BYTES = 33_554_432

pytestmark = pytest.mark.bench


def _messages(rows: int) -> list[Message]:
    """Inference batches of random features, in turn from several sources."""
    batch = batches.inference(np.random.default_rng(1), 0).slice(0, rows)
    size = len(encode(TYPES["inference"], batch, source="s", sequence=0, time=batches.START).value)
    return [
        encode(TYPES["inference"], batch, source=f"s{n % SOURCES}", sequence=n, time=batches.START)
        for n in range(MEGABYTES * 1_000_000 // size)
    ]


def _bare(kafka: KafkaSettings, messages: list[Message]) -> float:
    """Seconds from the first send to the last acknowledgement; as many bytes on their way as ours has."""
    from kafka import KafkaProducer

    at_once = IN_FLIGHT_BYTES // len(messages[0].value)
    producer = KafkaProducer(
        **options(kafka), acks="all", enable_idempotence=True, linger_ms=5, batch_size=300_000,
        max_request_size=1_114_112,
    )  # fmt: skip
    producer.partitions_for("driftledger.inference")
    start = time.perf_counter()
    futures = []
    for sent, message in enumerate(messages):
        headers = [(name, text.encode()) for name, text in message.headers.items()]
        key = message.headers["ce_source"].encode()
        futures.append(producer.send(message.topic, message.value, key=key, headers=headers))
        if sent >= at_once:
            futures[sent - at_once].get(60)
    for future in futures:
        future.get(60)
    seconds = time.perf_counter() - start
    producer.close()
    return seconds


def _ours(kafka: KafkaSettings, folder: Path, messages: list[Message]) -> float:
    publish = replace(
        PublishSettings(),
        spool_folder=folder / "spool",
        in_flight_bytes=IN_FLIGHT_BYTES,
        compression=Compression.none,
    )
    with Publisher.open(kafka, publish) as publisher:
        publisher.send(messages[0])
        assert publisher.delivered(20)
        start = time.perf_counter()
        for message in messages:
            publisher.send(message)
        assert publisher.delivered(60)
        seconds = time.perf_counter() - start
        assert publisher.stats().spooled_messages == 0
    return seconds


@pytest.mark.parametrize(("rows", "least"), [(2_000, 0.8), (60, 0.0)])
def test_publishing_costs_little_over_the_bare_producer(
    kafka: Kafka, tmp_path: Path, record: Callable[..., None], rows: int, least: float
) -> None:
    """At 300 KB a message at least four fifths of its speed; small messages are recorded only."""
    settings = replace(KafkaSettings(), bootstrap_servers=kafka.bootstrap)
    with admin(settings) as client:
        ensure(client, settings)
    messages = _messages(rows)
    total = sum(len(m.value) for m in messages) / 1e6
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(_bare(settings, messages))
        ours.append(_ours(settings, tmp_path, messages))
    ratio = statistics.median(bare) / statistics.median(ours)
    record(
        "publish",
        message_bytes=len(messages[0].value),
        bare_mb_per_second=total / statistics.median(bare),
        mb_per_second=total / statistics.median(ours),
        messages_per_second=len(messages) / statistics.median(ours),
        ratio=ratio,
    )
    assert ratio >= least
