"""Foreign topics on a broker: read by offset, which the cursor keeps, so that each message counts once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from collectors.live.clocks import Clocks
from collectors.live.contract import Cursor, Turn, Watch
from collectors.live.inference import assembly, rules
from collectors.live.inference.found import Found
from collectors.live.inference_topics import mapping, values
from collectors.live.inference_topics.parameters import InferenceTopicsSettings
from collectors.live.inference_topics.places import Lost, Places, told_at
from collectors.parsed import GAPS_SCHEMA, Parsed
from pipeline.broker import any_record
from pipeline.broker.connection import BOOTSTRAP_SECONDS, admin, options
from pipeline.broker.failures import told
from pipeline.errors import DriftledgerError
from pipeline.wire.limits import MAX_CELLS, MAX_FEATURES

log = logging.getLogger("driftledger.collect")

_AGAIN_SECONDS = 2.0
_PART = "foreign topics"
_TOPIC_AUTHORIZATION_FAILED = 29
"""Kafka's error code for a topic that exists or not: who may not see it is not told."""


@dataclass
class Topics:
    settings: InferenceTopicsSettings
    cluster: str
    name: str

    def __post_init__(self) -> None:
        self._mapped = mapping.load(self.settings.map_file)
        self._rules = rules.load(self.settings.rules_file)
        self._options = options(self.settings.kafka)
        self._clocks = Clocks("inference", "model", "foreign topics")

    def turns(self, cursor: Cursor | None, watch: Watch) -> Iterator[Turn]:
        """A broker that is away, or a topic that is not there yet, is waited for; without one that may not be
        read the others go on."""
        from kafka.errors import KafkaError, TopicAuthorizationFailedError

        places = Places.of(cursor)
        while not watch.wait(0):
            try:
                with closing(self._consumer()) as consumer:
                    yield from self._read(consumer, places, watch)
            except TopicAuthorizationFailedError as error:
                self._refused(error, "Describe", places, watch)
            except KafkaError as error:
                watch.waits(_PART, str(told(error, "reading foreign topics")))
                if watch.wait(_AGAIN_SECONDS):
                    return

    def _consumer(self) -> Any:
        from kafka import KafkaConsumer

        any_record.take_any()
        return KafkaConsumer(
            **self._options, group_id=None, enable_auto_commit=False, auto_offset_reset="none",
            max_poll_records=self.settings.most_messages, reconnect_backoff_max_ms=1_000,
            bootstrap_timeout_ms=int(BOOTSTRAP_SECONDS * 1000), metrics_enabled=False,
        )  # fmt: skip

    def _read(self, consumer: Any, places: Places, watch: Watch) -> Iterator[Turn]:
        """Until an error, a refusal, a partition more, or the stop."""
        from kafka.errors import TopicAuthorizationFailedError

        lost = places.take_up(consumer, self._mapped, self._forbidden, watch)
        now = watch.now()
        yield Turn(Parsed(0, 0, gaps=self._gaps(lost, now)), places.cursor(), now)
        while not watch.wait(0):
            try:
                records = self._polled(consumer)
            except TopicAuthorizationFailedError as error:
                self._refused(error, "Read", places, watch)
                return
            if not consumer.assignment() and watch.wait(_AGAIN_SECONDS):
                return
            if not records and not places.answered(consumer, self._mapped, watch):
                return
            if consumer.assignment():
                watch.goes_on(_PART)
            else:
                watch.waits(_PART, f"there is none to read of {', '.join(self._mapped)}")
            places.came(records, watch)
            while records:
                now = watch.now()
                parsed = self._parsed(records, places, now)
                self._clocks.told(parsed.events, now, watch)
                yield Turn(parsed, places.cursor(), now)

    def _refused(self, error: Exception, operation: str, places: Places, watch: Watch) -> None:
        """Who comes back to a topic too soon is refused again, so it is left out for a while."""
        named = {str(topic) for one in error.args if isinstance(one, set | frozenset) for topic in one}
        for topic in named & set(self._mapped) or set(self._mapped):
            places.refuse(topic, operation, watch)

    def _forbidden(self, topics: list[str]) -> list[str]:
        """Those that the broker says are not for us; none where it says nothing."""
        try:
            with admin(self.settings.kafka) as client:
                shapes = client.describe_topics(topics)
        except DriftledgerError:
            return []
        return [one["name"] for one in shapes if one["error_code"] == _TOPIC_AUTHORIZATION_FAILED]

    def _polled(self, consumer: Any) -> list[Any]:
        """Messages of all partitions, at most `most_messages`; waits for a first one, then gathers."""
        batches = consumer.poll(timeout_ms=int(self.settings.gather_seconds * 1000))
        return [record for records in batches.values() for record in records]

    def _parsed(self, records: list[Any], places: Places, now: int) -> Parsed:
        """As many of `records`, which are taken from it, as fit one message's features."""
        together = Found()
        names: set[str] = set()
        taken = 0
        for record in records:
            mapped = self._mapped[record.topic]
            found = values.parse(record.value, told_at(record), mapped, self._rules)
            together.take(found)
            places.passed(record)
            taken += 1
            names.update(n for row in found.rows.get("inference", ()) for n in row["features"])
            if len(names) > MAX_FEATURES // 2 or len(names) * together.used > MAX_CELLS // 4:
                break
        del records[:taken]
        return assembly.parsed(together, self._rules, self.cluster, now)

    def _gaps(self, lost: list[Lost], now: int) -> pa.Table:
        if not lost:
            return GAPS_SCHEMA.empty_table()
        rows = [
            {"cluster": self.cluster, "source": f"inference_topics/{part.topic}/{part.partition}",
             "kind": part.kind, "start": part.since, "end": now, "lost": part.messages, "detail": part.detail}
            for part in lost
        ]  # fmt: skip
        columns = [pa.array([row[f.name] for row in rows], f.type) for f in GAPS_SCHEMA]
        return pa.table(columns, schema=GAPS_SCHEMA)


def collector(settings: InferenceTopicsSettings, cluster: str) -> Topics:
    """Raises ConfigError for a wrong mapping, wrong rules or a connection that cannot work."""
    return Topics(settings, cluster, cluster)
