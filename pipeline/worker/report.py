"""How a worker is: what it waits for, how far it is behind, and the numbers that show it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry

from pipeline.health.readiness import START, Readiness
from pipeline.offset_gaps import LOST, Gap
from pipeline.step import Step
from pipeline.worker.broker_view import Partition, Span
from pipeline.worker.metrics import Metrics

log = logging.getLogger("driftledger.worker")


class Report(Readiness):
    """Written by the worker's threads, read by its health server."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__(log)
        self.metrics = Metrics()
        self._clock = clock
        self._guard = threading.Lock()
        self._taken: dict[Partition, int] = {}
        self._appended: dict[Partition, int] = {}
        self._ends: dict[Partition, int] = {}

    def registry(self) -> CollectorRegistry:
        self.metrics.ready.set(not self.not_ready())
        return self.metrics.registry

    def assigned(self, positions: Mapping[Partition, int], spans: Mapping[Partition, Span]) -> None:
        """These partitions are ours from now on, to be read from these offsets."""
        self.revoked()
        with self._guard:
            self._taken = {p: offset - 1 for p, offset in positions.items()}
        self.measured(spans)
        self.goes_on(START)
        behind = sum(max(0, spans[p].end - offset) for p, offset in positions.items())
        topics = len({topic for topic, _ in positions})
        log.info("takes %d partitions of %d topics, %d messages behind", len(positions), topics, behind)

    def revoked(self) -> None:
        with self._guard:
            self._taken, self._appended, self._ends = {}, {}, {}
            self.metrics.lag.clear()
            self.metrics.age.clear()

    def ends(self, topic: str) -> dict[int, int]:
        """The offset after the last of each partition of the topic that is ours, as it was last measured."""
        with self._guard:
            return {number: end for (name, number), end in self._ends.items() if name == topic}

    def taken(self) -> dict[Partition, int]:
        """The last offset in the ledger of each partition that is ours."""
        with self._guard:
            return dict(self._taken)

    def moved(self, partition: Partition, taken: int, appended: int) -> None:
        """A partition is in the ledger up to `taken`, a message of `appended` (microseconds since 1970)."""
        with self._guard:
            self._taken[partition], self._appended[partition] = taken, appended
        self._show(partition)

    def measured(self, spans: Mapping[Partition, Span]) -> None:
        with self._guard:
            self._ends.update({p: span.end for p, span in spans.items() if p in self._taken})
        for partition in spans:
            self._show(partition)

    def _show(self, partition: Partition) -> None:
        with self._guard:
            if partition not in self._taken or partition not in self._ends:
                return
            lag = max(0, self._ends[partition] - self._taken[partition] - 1)
            appended = self._appended.get(partition)
        self.metrics.lag.labels(*partition).set(lag)
        age = self._clock() - appended / 1e6 if lag and appended else 0
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
