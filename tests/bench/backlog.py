"""A broker's log full of inferences, as a collector's publisher would have left it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from pipeline.broker import connection, topics
from pipeline.broker.parameters import KafkaSettings
from pipeline.events import TYPES, Message, encode
from tests.bench import batches

PARTITIONS = 8
TYPE = TYPES["inference"]

_POOL = 16
"""Different batches; they come again and again, each time with later moments and other ids."""
_APART = 1_000_000
"""Microseconds by which a message is later than the one before it."""
_IN_FLIGHT = 200
"""Messages sent before the first of them must be acknowledged."""


def settings(bootstrap: str) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=bootstrap, partitions=PARTITIONS)


def fill(bootstrap: str, count: int, *, rows: int = batches.ROWS, identified: bool = False) -> int:
    """Publish so many messages of `rows`, spread evenly over the partitions; the bytes of one of them.

    `identified` predictions have an id each, which the ledger keeps one by one.
    """
    from kafka import KafkaProducer

    kafka = settings(bootstrap)
    with connection.admin(kafka) as admin:
        topics.ensure(admin, kafka)
    producer = KafkaProducer(
        **connection.options(kafka), acks="all", compression_type="lz4", max_request_size=1_000_000
    )
    size = 0
    waiting = []
    for number, message in enumerate(_messages(count, rows, identified)):
        size = len(message.value)
        headers = [(name, text.encode()) for name, text in message.headers.items()]
        waiting.append(
            producer.send(
                TYPE.topic, message.value, key=message.key, headers=headers, partition=number % PARTITIONS
            )
        )
        if len(waiting) == _IN_FLIGHT:
            waiting.pop(0).get(60)
    for future in waiting:
        future.get(60)
    producer.close()
    return size


def _messages(count: int, rows: int, identified: bool) -> Iterator[Message]:
    rng = np.random.default_rng(3)
    pool = [narrow(_batch(rng, i, rows), identified) for i in range(min(_POOL, count))]
    for number in range(count):
        events = _later(pool[number % len(pool)], number)
        if identified:
            ids = pa.array([f"{number:06x}-{i:04x}" for i in range(events.num_rows)])
            events = _replaced(events, "prediction_id", ids)
        yield encode(TYPE, events, source=f"bench-{number % PARTITIONS}", sequence=number, time=batches.START)


def _batch(rng: np.random.Generator, number: int, rows: int) -> pa.Table:
    """So many rows, of one batch or two, in order of time."""
    made = [batches.inference(rng, number + at) for at in range(-(-rows // batches.ROWS))]
    return pa.concat_tables(made).combine_chunks().slice(0, rows).sort_by("time")


def narrow(events: pa.Table, identified: bool) -> pa.Table:
    """The batch in types that are as wide as what they hold: 300 KB instead of 700."""
    if not identified:
        events = events.drop_columns("prediction_id")
    for field in events.schema:
        if pa.types.is_dictionary(field.type):
            narrowed = events[field.name].cast(pa.dictionary(pa.int8(), pa.string()))
        elif pa.types.is_float64(field.type):
            narrowed = events[field.name].cast(pa.float32())
        else:
            continue
        events = _replaced(events, field.name, narrowed)
    struct = events["features"].combine_chunks()
    values = [child.cast(pa.float32()) for child in struct.flatten()]
    names = [field.name for field in struct.type]
    return _replaced(events, "features", pa.StructArray.from_arrays(values, names=names))


def _later(events: pa.Table, number: int) -> pa.Table:
    moments = events["time"].to_numpy().view(np.int64) + number * _APART
    return _replaced(events, "time", pa.array(moments, pa.timestamp("us", "UTC")))


def _replaced(events: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return events.set_column(events.schema.get_field_index(name), name, values)
