"""How a worker is: what it waits for, how far it is behind, and the numbers that show it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from pipeline.offset_gaps import LOST, Gap
from pipeline.step import Step
from pipeline.worker.broker_view import Partition, Span
from pipeline.worker.metrics import Metrics

log = logging.getLogger("driftledger.worker")

_START = "start"


class Report:
    """Written by the worker's threads, read by its health server."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.metrics = Metrics()
        self._clock = clock
        self._guard = threading.Lock()
        self._waiting = {_START: "it is starting"}
        self._broken: str | None = None
        self._taken: dict[Partition, int] = {}
        self._appended: dict[Partition, int] = {}
        self._ends: dict[Partition, int] = {}

    def waits(self, part: str, reason: str) -> None:
        """Not ready, for this reason; it is said once in the log."""
        with self._guard:
            known = self._waiting.get(part)
            self._waiting[part] = reason
        if known != reason:
            log.warning("waiting for the %s: %s", part, reason)

    def goes_on(self, *parts: str) -> None:
        with self._guard:
            back = [part for part in parts if self._waiting.pop(part, None) is not None]
        for part in back:
            if part != _START:
                log.warning("the %s is there again", part)

    def breaks(self, reason: str) -> None:
        """Beyond repair by waiting: the process is to be restarted."""
        with self._guard:
            self._broken = self._broken or reason

    @property
    def broken(self) -> str | None:
        with self._guard:
            return self._broken

    def not_ready(self) -> list[str]:
        """Why no work is done or its lag is unknown; empty while the worker is ready."""
        with self._guard:
            return [*([self._broken] if self._broken else []), *self._waiting.values()]

    def assigned(self, positions: Mapping[Partition, int], spans: Mapping[Partition, Span]) -> None:
        """These partitions are ours from now on, to be read from these offsets."""
        self.revoked()
        with self._guard:
            self._taken = {p: offset - 1 for p, offset in positions.items()}
        self.measured(spans)
        self.goes_on(_START)
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
