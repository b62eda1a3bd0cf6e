"""Refused messages read again, whole: from their own topic, or from the topic of dead letters."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.broker import any_record, connection
from pipeline.broker.failures import told
from pipeline.broker.parameters import KafkaSettings
from pipeline.events import Message
from pipeline.repair.records import message
from pipeline.repair.refused import Place, Refused
from pipeline.wire import dead_letter

_POLL_MS = 1_000
_QUIET_POLLS = 10
"""Polls without a message, of a second each, after which a log is not waited for any longer."""


def read(kafka: KafkaSettings, wanted: Collection[Refused]) -> dict[Place, Message]:
    """The messages that the broker still has; raises PreflightFailed where it cannot be asked.

    What is left of the topic under another topic id is another message: it is not looked at.
    """
    from kafka.errors import KafkaError

    any_record.take_any()
    found: dict[Place, Message] = {}
    try:
        with connection.admin(kafka) as admin, _consumer(kafka) as consumer:
            ids = _topic_ids(admin, {r.place.topic for r in wanted} | {dead_letter.TOPIC})
            for refused in sorted(wanted, key=lambda r: str(r.place)):
                if ids.get(refused.place.topic) == refused.place.topic_id:
                    message = _if_there(admin, consumer, refused.place)
                    if message is not None:
                        found[refused.place] = message
            missing = {r.place: r for r in wanted if r.place not in found}
            if missing and dead_letter.TOPIC in ids:
                since = min(r.time for r in missing.values())
                for place, message in _letters(consumer, since):
                    if place in missing:
                        found[place] = message
    except KafkaError as error:
        raise told(error, "reading refused messages again") from error
    return found


def _topic_ids(admin: Any, topics: Collection[str]) -> dict[str, str]:
    found = admin.describe_topics(sorted(topics))
    return {topic["name"]: str(topic["topic_id"]) for topic in found if not topic["error_code"]}


@contextmanager
def _consumer(kafka: KafkaSettings) -> Iterator[Any]:
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        **connection.options(kafka), auto_offset_reset="earliest", enable_auto_commit=False
    )
    try:
        yield consumer
    finally:
        consumer.close()


def _if_there(admin: Any, consumer: Any, place: Place) -> Message | None:
    """The message; None also where its topic was deleted while it was asked for, which nobody answers."""
    from kafka.errors import KafkaTimeoutError

    try:
        return _at(consumer, place)
    except KafkaTimeoutError:
        if _topic_ids(admin, {place.topic}).get(place.topic) == place.topic_id:
            raise
        return None


def _at(consumer: Any, place: Place) -> Message | None:
    """The message at this offset, None where the log no longer has it."""
    from kafka import TopicPartition

    where = TopicPartition(place.topic, place.partition)
    consumer.assign([where])
    first, end = consumer.beginning_offsets([where])[where], consumer.end_offsets([where])[where]
    if not first <= place.offset < end:
        return None
    consumer.seek(where, place.offset)
    for _ in range(_QUIET_POLLS):
        for records in consumer.poll(timeout_ms=_POLL_MS, max_records=1).values():
            same = records[0].offset == place.offset
            return message(records[0], place.topic_id or "") if same else None
    return None


def _letters(consumer: Any, since: int) -> Iterator[tuple[Place, Message]]:
    """Dead letters appended since then (microseconds), each as the message that it was."""
    from kafka import TopicPartition

    parts = consumer.partitions_for_topic(dead_letter.TOPIC) or ()
    where = [TopicPartition(dead_letter.TOPIC, number) for number in sorted(parts)]
    consumer.assign(where)
    ends = consumer.end_offsets(where)
    starts = consumer.offsets_for_times(dict.fromkeys(where, since // 1_000))
    for part in where:
        consumer.seek(part, ends[part] if starts[part] is None else starts[part].offset)
    quiet = 0
    while quiet < _QUIET_POLLS and any(consumer.position(part) < ends[part] for part in where):
        polled = consumer.poll(timeout_ms=_POLL_MS)
        quiet = 0 if polled else quiet + 1
        for records in polled.values():
            yield from filter(None, (_origin(message(record, "")) for record in records))


def _origin(letter: Message) -> tuple[Place, Message] | None:
    """The refused message and where it was read; None for an event about a refusal, or headers of others."""
    if not dead_letter.is_dead_letter(letter.topic, letter.headers):
        return None
    told_by = letter.headers
    try:
        place = Place(
            told_by[dead_letter.ORIGIN_TOPIC],
            told_by[dead_letter.ORIGIN_TOPIC_ID],
            int(told_by[dead_letter.ORIGIN_PARTITION]),
            int(told_by[dead_letter.ORIGIN_OFFSET]),
        )
        timestamp = int(told_by[dead_letter.ORIGIN_TIMESTAMP])
    except (KeyError, ValueError):
        return None
    own = {name: text for name, text in told_by.items() if name not in dead_letter.MEANINGS}
    return place, letter._replace(
        topic=place.topic, topic_id=place.topic_id or "", partition=place.partition, offset=place.offset,
        timestamp=timestamp, headers=own,
    )  # fmt: skip
