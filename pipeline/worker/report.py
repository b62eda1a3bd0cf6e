"""How a worker is: what it waits for, how far it is behind, and the numbers that show it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry

from pipeline.health.readiness import START, Readiness
from pipeline.lake.watermarks import NOTHING, Watermark
from pipeline.offset_gaps import LOST, Gap
from pipeline.step import Step
from pipeline.worker.broker_view import First, Partition, Span
from pipeline.worker.metrics import Metrics

log = logging.getLogger("driftledger.worker")


class Report(Readiness):
    """Written by the worker's threads, read by its health server."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__(log)
        self.metrics = Metrics()
        self._clock = clock
        self._guard = threading.Lock()
        self._marks: dict[Partition, Watermark] = {}
        self._ends: dict[Partition, int] = {}
        self._after: dict[Partition, First] = {}

    def registry(self) -> CollectorRegistry:
        self.metrics.ready.set(not self.not_ready())
        return self.metrics.registry

    def assigned(self, marks: Mapping[Partition, Watermark], spans: Mapping[Partition, Span]) -> None:
        """These partitions are ours from now on, and in the ledger so far."""
        self.revoked()
        with self._guard:
            self._marks = {p: _copy(mark) for p, mark in marks.items()}
        self.measured(spans, {})
        self.goes_on(START)
        behind = sum(max(0, spans[p].end - mark.offset - 1) for p, mark in marks.items())
        topics = len({topic for topic, _ in marks})
        log.info("takes %d partitions of %d topics, %d messages behind", len(marks), topics, behind)

    def revoked(self) -> None:
        with self._guard:
            self._marks, self._ends, self._after = {}, {}, {}
            self.metrics.lag.clear()
            self.metrics.age.clear()

    def ends(self, topic: str) -> dict[int, int]:
        """The offset after the last of each partition of the topic that is ours, as it was last measured."""
        with self._guard:
            return {number: end for (name, number), end in self._ends.items() if name == topic}

    def marks(self) -> dict[Partition, Watermark]:
        """How far each partition that is ours is in the ledger; without its sources."""
        with self._guard:
            return dict(self._marks)

    def moved(self, partition: Partition, mark: Watermark) -> None:
        with self._guard:
            self._marks[partition] = _copy(mark)
        self._show(partition)

    def measured(self, spans: Mapping[Partition, Span], after: Mapping[Partition, First]) -> None:
        """Where the logs are, and the first message of each that was appended after all that is taken."""
        with self._guard:
            self._ends.update({p: span.end for p, span in spans.items() if p in self._marks})
            self._after = {p: first for p, first in after.items() if p in self._marks}
        for partition in spans:
            self._show(partition)

    def _show(self, partition: Partition) -> None:
        with self._guard:
            if partition not in self._marks or partition not in self._ends:
                return
            mark, first = self._marks[partition], self._after.get(partition)
            lag = max(0, self._ends[partition] - mark.offset - 1)
        self.metrics.lag.labels(*partition).set(lag)
        unread = first.appended if first is not None and first.offset > mark.offset else NOTHING
        if (appended := max(unread, mark.newest)) > NOTHING or not lag:
            age = max(0.0, self._clock() - appended / 1e6) if lag else 0.0
            self.metrics.age.labels(*partition).set(age)

    def step(self, step: Step, seconds: float) -> None:
        numbers = self.metrics
        for name, count in step.events.items():
            numbers.events.labels(name).inc(count)
        for reason, count in step.rejected.items():
            numbers.rejected.labels(reason).inc(count)
        outcomes = {
            "stored": step.stored,
            "refused": step.refused,
            "repeated": step.repeated,
            "redelivered": step.duplicates - step.repeated,
            "dead_letter": step.letters,
        }
        for outcome, count in outcomes.items():
            numbers.messages.labels(outcome).inc(count)
        numbers.skipped.inc(step.skipped)
        numbers.unexplained.inc(step.unexplained)
        numbers.commit_seconds.observe(seconds)
        numbers.last_commit.set(self._clock())
        if step.unexplained:
            log.error("%d offsets are neither stored, refused nor repeated: a fault", step.unexplained)

    def gap(self, gap: Gap) -> None:
        self.metrics.gaps.labels(gap.kind).inc()
        if gap.kind == LOST:
            self.metrics.lost.inc(gap.lost or 0)
        log.error("gap in %s/%d: %s: %s", gap.topic, gap.partition, gap.kind, gap.detail)


def _copy(mark: Watermark) -> Watermark:
    """As it is now: that of the ledger's door moves on, on another thread."""
    return Watermark(mark.offset, newest=mark.newest)
