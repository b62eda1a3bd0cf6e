"""Where to read on in every partition of the foreign topics, and what was lost while nobody read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from collectors.live.contract import Cursor, Watch

_ASK_SECONDS = 10.0
"""How often a silent broker is asked whether it is there, and whether a topic has more partitions."""
_REFUSED_SECONDS = 60.0
"""After so long a topic that may not be read is tried again."""

Forbidden = Callable[[list[str]], Iterable[str]]
"""Of topics that are not to be seen, those that the broker refuses to show: the others are not there."""


class Lost(NamedTuple):
    topic: str
    partition: int
    kind: str
    since: int
    """Time of the last message read, microseconds since 1970 UTC."""
    messages: int | None
    detail: str


class Place(NamedTuple):
    offset: int
    """Of the next message."""
    time: int
    """Of the last message read, microseconds since 1970 UTC."""


def told_at(record: Any) -> int:
    """When a message was written, microseconds since 1970 UTC; 0 in the oldest format, which has no time."""
    return (record.timestamp or 0) * 1_000


class Places:
    def __init__(self, places: dict[tuple[str, int], Place]) -> None:
        self._places = places
        self._asked = 0.0
        self._refused: dict[str, float] = {}
        """Topics that may be seen and not read, and when that was said."""

    @classmethod
    def of(cls, cursor: Cursor | None) -> Places:
        held = (cursor or {}).get("partitions", [])
        return cls({(topic, partition): Place(offset, at) for topic, partition, offset, at in held})

    def cursor(self) -> dict[str, Any]:
        return {"partitions": [[*part, *place] for part, place in sorted(self._places.items())]}

    def passed(self, record: Any) -> None:
        self._places[record.topic, record.partition] = Place(record.offset + 1, told_at(record))

    def take_up(self, consumer: Any, topics: Iterable[str], forbidden: Forbidden, watch: Watch) -> list[Lost]:
        """Assign every partition that may be read, each at its place; a new one from its beginning."""
        from kafka import TopicPartition

        topics = list(topics)
        parts, unseen = [], []
        for topic in self._readable(topics):
            found = consumer.partitions_for_topic(topic)
            unseen += [] if found else [topic]
            parts += [TopicPartition(topic, partition) for partition in sorted(found or ())]
        refused = set(forbidden(unseen)) if unseen else set()
        for topic in topics:
            if topic in unseen and topic not in refused:
                watch.waits(f"topic {topic}", f"there is no topic {topic}")
            else:
                watch.goes_on(f"topic {topic}")
        for topic in refused:
            _lacks(topic, "Describe", watch)
        consumer.assign(parts)
        first, last = consumer.beginning_offsets(parts), consumer.end_offsets(parts)
        lost = []
        for part in parts:
            gap = self._take_up(part, first[part], last[part])
            lost += [gap] if gap else []
            consumer.seek(part, self._places[part.topic, part.partition].offset)
        self._asked = time.monotonic()
        return lost

    def _take_up(self, part: Any, first: int, last: int) -> Lost | None:
        key = (part.topic, part.partition)
        held = self._places.setdefault(key, Place(first, 0))
        if first <= held.offset <= last:
            return None
        self._places[key] = Place(first, held.time)
        if held.offset < first:
            gone = first - held.offset
            return Lost(*key, "passed_unread", held.time, gone, "deleted by the broker before they were read")
        return Lost(
            *key, "topic_made_again", held.time, None, "the topic is shorter than what was read of it"
        )

    def refuse(self, topic: str, operation: str, watch: Watch) -> None:
        """The broker lets us not do this with a topic: the others are read on without it."""
        self._refused[topic] = time.monotonic()
        _lacks(topic, operation, watch)

    def came(self, records: Iterable[Any], watch: Watch) -> None:
        watch.goes_on(*{_right(record.topic) for record in records})

    def answered(self, consumer: Any, topics: Iterable[str], watch: Watch) -> bool:
        """Whether all is as it was: asked now and then.  Raises KafkaError where no broker answers."""
        if time.monotonic() - self._asked < _ASK_SECONDS:
            return True
        self._asked = time.monotonic()
        parts = consumer.assignment()
        ends = consumer.end_offsets(parts)
        there = sum(len(consumer.partitions_for_topic(topic) or ()) for topic in self._readable(topics))
        whole = all(ends[p] >= self._places[p.topic, p.partition].offset for p in parts)
        # It was asked for what is new all the while, and nothing was refused.
        watch.goes_on(*(_right(part.topic) for part in parts))
        return whole and there == len(parts)

    def _readable(self, topics: Iterable[str]) -> list[str]:
        """Without those that were refused a short while ago."""
        since = time.monotonic() - _REFUSED_SECONDS
        return [topic for topic in topics if self._refused.get(topic, since) <= since]


def _right(topic: str) -> str:
    return f"right to read topic {topic}"


def _lacks(topic: str, operation: str, watch: Watch) -> None:
    told = f"the broker refuses {operation} on topic {topic} (TopicAuthorizationFailed)"
    watch.notes(_right(topic), f"{told}: grant Read on it, which includes Describe")
