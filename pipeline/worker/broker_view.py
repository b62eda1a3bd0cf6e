"""What the broker says about its topics and logs; every call blocks, and belongs off the event loop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from pipeline.broker import any_record
from pipeline.broker.connection import COMMITTED
from pipeline.broker.failures import BrokerUnavailable, told
from pipeline.lake.watermarks import NOTHING, Watermark

log = logging.getLogger("driftledger.worker")

Partition = tuple[str, int]
"""Topic name and partition."""

_PROBE_MS = 5_000


class Span(NamedTuple):
    """The offsets that a log has: from `begin`, up to but without `end`."""

    begin: int
    end: int


class First(NamedTuple):
    """A message of a log, and when it was appended: microseconds since 1970."""

    offset: int
    appended: int


class BrokerView:
    """Answers of a kafka-python admin client; one question at a time, whoever asks."""

    def __init__(self, admin: Any, options: Mapping[str, Any]) -> None:
        self._admin = admin
        self._options = options
        self._guard = threading.Lock()

    def topic_ids(self, topics: Collection[str]) -> dict[str, str]:
        """UUID by topic; a topic that is not there is not in the answer."""
        with self._asking("looking at topics"):
            found = self._admin.describe_topics(sorted(topics))
        return {topic["name"]: str(topic["topic_id"]) for topic in found if not topic["error_code"]}

    def spans(self, partitions: Collection[Partition]) -> dict[Partition, Span]:
        """Where each log begins and ends now."""
        from kafka import TopicPartition
        from kafka.admin import OffsetSpec

        named = [TopicPartition(*partition) for partition in partitions]
        with self._asking("looking at offsets"):
            begins, ends = (
                self._admin.list_partition_offsets(dict.fromkeys(named, spec))
                for spec in (OffsetSpec.EARLIEST, OffsetSpec.LATEST)
            )
        return {(p.topic, p.partition): Span(begins[p].offset, ends[p].offset) for p in named}

    def first_after(self, marks: Mapping[Partition, Watermark]) -> dict[Partition, First]:
        """The first message of each log that was appended after all that was taken from it.

        A log without one is not in the answer, nor one of which it is not known when that was appended.
        """
        from kafka import TopicPartition

        asked = {
            TopicPartition(*p): mark.newest // 1_000 + 1
            for p, mark in marks.items()
            if mark.newest > NOTHING or mark.offset == NOTHING
        }
        with self._asking("looking at offsets"):
            found = self._firsts(asked)
        return {
            (p.topic, p.partition): First(first.offset, first.timestamp * 1_000)
            for p, first in found.items()
            if first.offset >= 0
        }

    def _firsts(self, asked: Mapping[Any, int]) -> dict[Any, Any]:
        """The broker's answers.  One that has no memory for a batch, into which it looks for a time, says
        only that it failed: not known then, or what is behind that batch would never be read."""
        from kafka.errors import UnknownError

        try:
            return dict(self._admin.list_partition_offsets(asked)) if asked else {}
        except UnknownError as error:
            if len(asked) == 1:
                log.warning("%s", error)
                return {}
            return {p: first for one in asked.items() for p, first in self._firsts(dict([one])).items()}

    def unread(self, group: str, partitions: Collection[Partition]) -> set[Partition]:
        """Those that no member of the group has, while the group is settled; else none."""
        with self._asking("looking at the group"):
            found = self._admin.describe_groups([group])[group]
        if found["group_state"] != "Stable":
            return set()
        given = {
            (topic["topic"], number)
            for member in found["members"]
            for topic in (member["member_assignment"] or {}).get("assigned_partitions", ())
            for number in topic["partitions"]
        }
        return set(partitions) - given

    def remove(self, group: str, name: str) -> None:
        """Make the broker forget a static member; if it is alive, it joins again and all is shared anew."""
        from kafka.admin import MemberToRemove

        with self._asking("leaving the group"):
            self._admin.remove_group_members(group, [MemberToRemove(group_instance_id=name)])

    def next_offset(self, topic: str, partition: int, offset: int) -> int:
        """The first offset at or after `offset` at which the broker hands out a message."""
        from kafka import KafkaConsumer, TopicPartition

        where = TopicPartition(topic, partition)
        any_record.take_any()
        with self._asking("reading a partition again"):
            consumer = KafkaConsumer(
                **self._options,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                isolation_level=COMMITTED,
            )
            try:
                consumer.assign([where])
                consumer.seek(where, offset)
                for records in consumer.poll(timeout_ms=_PROBE_MS, max_records=1).values():
                    return int(records[0].offset)
            finally:
                consumer.close()
        raise BrokerUnavailable(f"{topic}/{partition} gave no message at or after offset {offset}")

    @contextmanager
    def _asking(self, doing: str) -> Iterator[None]:
        from kafka.errors import KafkaError

        with self._guard:
            try:
                yield
            except KafkaError as error:
                raise told(error, doing) from error
