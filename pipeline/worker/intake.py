"""From messages to one lake transaction: the part of a worker that blocks, all but folds on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from pipeline import offset_gaps
from pipeline.broker.failures import BrokerRefused
from pipeline.errors import DriftledgerError, StaleWatermark
from pipeline.events import Message
from pipeline.folding import Folded, Refusals
from pipeline.ingest import Ingest
from pipeline.lake.watermarks import Watermark
from pipeline.offset_gaps import Gap
from pipeline.step import Step
from pipeline.store import Store
from pipeline.worker import missing, topic_log
from pipeline.worker.broker_view import BrokerView, First, Partition, Span
from pipeline.worker.patience import Patience
from pipeline.worker.report import Report

_STALE_ATTEMPTS = 100
"""A replay beside moves a partition with each of its transactions, for as long as it is behind the worker."""


class TopicRecreated(DriftledgerError):
    """A topic is no longer the one that was read; after a restart the new one is read from its start."""


class Intake:
    """Steps messages of the topics in `topic_ids` (UUID by name) into the ledger."""

    def __init__(
        self,
        store: Store,
        broker: BrokerView,
        topic_ids: Mapping[str, str],
        report: Report,
        keep_refused: Callable[[Refusals], None],
        patience: Patience,
    ) -> None:
        self._store = store
        self._broker = broker
        self._topic_ids = dict(topic_ids)
        self._report = report
        self._patience = patience
        self._ingest = Ingest(store, judge_holes=self._judge_holes, keep_refused=keep_refused)
        self._fresh = True
        self._gaps: list[Gap] = []

    def forget(self) -> None:
        """Partitions were taken away: what is remembered of the lake may be old.  Any thread may call it."""
        self._fresh = False

    def start_positions(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """As `_start_positions`, waiting for a broker or ledger that is away."""
        return self._patience.until_there(partial(self._start_positions, partitions))

    def _start_positions(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """The offset to read from: one after the last that is in the ledger, whatever the broker remembers.

        Raises TopicRecreated; writes a gap where the broker no longer has what comes next.
        """
        self.check_topics({topic for topic, _ in partitions})
        self._settle_topics()
        self._reread(partitions)
        self._fresh = True
        marks = {p: self._mark(p) for p in partitions}
        taken = {p: mark.offset for p, mark in marks.items()}
        with self._while_there(partitions):
            spans = missing.settled_spans(self._broker, taken, self._patience.pause)
            after = self._broker.first_after(marks)
        if any([self._bridge(p, mark, spans[p], after.get(p)) for p, mark in marks.items()]):
            self._reread(partitions)
        marks = {p: self._mark(p) for p in partitions}
        self._report.assigned(marks, spans)
        return {p: mark.offset + 1 for p, mark in marks.items()}

    def _reread(self, partitions: Collection[Partition]) -> None:
        self._ingest.reload()
        self._ingest.read_watermarks({(self._topic_ids[topic], number) for topic, number in partitions})

    def _mark(self, partition: Partition) -> Watermark:
        topic, number = partition
        return self._ingest.watermark(self._topic_ids[topic], number)

    def _bridge(self, partition: Partition, mark: Watermark, log: Span, after: First | None) -> bool:
        """Whether something was lost, and is moved over."""
        topic_id = self._topic_ids[partition[0]]
        gap = missing.bridge(self._store, partition, topic_id, mark, log, after, _now())
        if gap is not None:
            self._report.gap(gap)
        return gap is not None

    def ahead(self, messages: Sequence[Message]) -> Folded:
        """What `step` would have to fold first.  Another thread may ask while this one steps."""
        return self._ingest.ahead(messages)

    def step(self, messages: Sequence[Message], owned: Callable[[str, int], bool], ahead: Folded) -> Step:
        """Commit the messages, of which `ahead` is the fold, as far as they are still this worker's.

        `owned` says that of a partition (topic, number).
        Waits while the ledger or the broker is away.  Raises TopicRecreated, LogTruncated, Skipped, or
        DriftledgerError when another worker keeps writing partitions that are said to be ours.
        """
        stale: StaleWatermark | None = None
        for _ in range(_STALE_ATTEMPTS):
            if not self._fresh or stale is not None:
                self._patience.until_there(self._ingest.reload)
                self._fresh = True
                messages = [m for m in messages if owned(m.topic, m.partition)]
            self._patience.until_there(partial(self.check_topics, {m.topic for m in messages}))
            self._patience.until_there(partial(self._check_logs, {(m.topic, m.partition) for m in messages}))
            try:
                return self._patience.until_there(partial(self._commit, messages, ahead))
            except StaleWatermark as error:
                stale = error
        raise DriftledgerError(f"another worker writes partitions of this one: {stale}")

    def _commit(self, messages: Sequence[Message], ahead: Folded) -> Step:
        self._gaps.clear()
        started = time.perf_counter()
        step = self._ingest.step(messages, ahead)
        self._report.step(step, time.perf_counter() - started)
        for gap in self._gaps:
            self._report.gap(gap)
        for partition in {(m.topic, m.partition) for m in messages}:
            self._report.moved(partition, self._mark(partition))
        return step

    def check_topics(self, topics: Collection[str]) -> None:
        """Raise TopicRecreated unless each has its id; a message that was read before came from that id."""
        found = self._broker.topic_ids(topics)
        for topic in topics:
            if found.get(topic) != self._topic_ids[topic]:
                self._close(topic)
                raise TopicRecreated(
                    f"topic {topic} was {self._topic_ids[topic]} and is {found.get(topic, 'gone')}: somebody "
                    "deleted it; after a restart the new one is read from its beginning"
                )

    def _check_logs(self, partitions: Collection[Partition]) -> None:
        """Raise LogTruncated unless each log is still that of which something was taken."""
        marks = {p: self._mark(p) for p in partitions}
        with self._while_there(partitions):
            after = self._broker.first_after(marks)
        for partition, mark in marks.items():
            missing.hold_same(partition, mark, after.get(partition))

    @contextmanager
    def _while_there(self, partitions: Collection[Partition]) -> Iterator[None]:
        """A topic that was deleted between two questions is told as such, not as one that may not be seen."""
        try:
            yield
        except BrokerRefused:
            self.check_topics({topic for topic, _ in partitions})
            raise

    def _close(self, topic: str) -> None:
        topic_id, ends = self._topic_ids[topic], self._report.ends(topic)
        for gap in self._again(partial(topic_log.close, self._store, topic, topic_id, ends, _now())):
            self._report.gap(gap)

    def _settle_topics(self) -> None:
        for gap in self._again(partial(topic_log.settle, self._store, self._topic_ids, _now())):
            self._report.gap(gap)

    def _again(self, act: Callable[[], Sequence[Gap]]) -> Sequence[Gap]:
        """Another worker may settle the same at the same time."""
        for _ in range(_STALE_ATTEMPTS):
            with suppress(StaleWatermark):
                return act()
        return act()

    def _judge_holes(self, holes: Sequence[offset_gaps.Hole]) -> Sequence[Gap]:
        self._gaps += missing.judge(holes, self._broker)
        return self._gaps


def _now() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1_000
