"""Foreign topics on a broker: read by offset, which the cursor keeps, so that each message counts once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from collectors.live.contract import Cursor, Turn, Watch
from collectors.live.inference import assembly, rules
from collectors.live.inference.found import Found
from collectors.live.inference_topics import mapping, values
from collectors.live.inference_topics.parameters import InferenceTopicsSettings
from collectors.live.inference_topics.places import Lost, Places
from collectors.parsed import GAPS_SCHEMA, Parsed
from pipeline.broker.connection import BOOTSTRAP_SECONDS, options
from pipeline.broker.failures import told
from pipeline.wire.limits import MAX_CELLS, MAX_FEATURES

log = logging.getLogger("driftledger.collect")

_AGAIN_SECONDS = 2.0
_PART = "foreign topics"


@dataclass
class Topics:
    settings: InferenceTopicsSettings
    cluster: str
    name: str

    def __post_init__(self) -> None:
        self._mapped = mapping.load(self.settings.map_file)
        self._rules = rules.load(self.settings.rules_file)
        self._options = options(self.settings.kafka)

    def turns(self, cursor: Cursor | None, watch: Watch) -> Iterator[Turn]:
        """A broker that is away, or a topic that is not there yet, is waited for."""
        from kafka.errors import KafkaError

        places = Places.of(cursor)
        while not watch.wait(0):
            try:
                with closing(self._consumer()) as consumer:
                    yield from self._read(consumer, places, watch)
            except KafkaError as error:
                watch.waits(_PART, str(told(error, "reading foreign topics")))
                if watch.wait(_AGAIN_SECONDS):
                    return

    def _consumer(self) -> Any:
        from kafka import KafkaConsumer

        return KafkaConsumer(
            **self._options, group_id=None, enable_auto_commit=False, auto_offset_reset="none",
            max_poll_records=self.settings.most_messages, reconnect_backoff_max_ms=1_000,
            bootstrap_timeout_ms=int(BOOTSTRAP_SECONDS * 1000), metrics_enabled=False,
        )  # fmt: skip

    def _read(self, consumer: Any, places: Places, watch: Watch) -> Iterator[Turn]:
        """Until an error, a partition more, or the stop."""
        lost = places.take_up(consumer, self._mapped, watch)
        now = watch.now()
        yield Turn(Parsed(0, 0, gaps=self._gaps(lost, now)), places.cursor(), now)
        while not watch.wait(0):
            records = self._polled(consumer)
            if not consumer.assignment() and watch.wait(_AGAIN_SECONDS):
                return
            if not records and not places.answered(consumer, self._mapped):
                return
            watch.goes_on(_PART)
            while records:
                now = watch.now()
                yield Turn(self._parsed(records, places, now), places.cursor(), now)

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
            mapped, time = self._mapped[record.topic], record.timestamp * 1_000
            found = values.parse(record.value, time, mapped, self._rules)
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
