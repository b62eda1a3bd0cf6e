"""How a collector is: what it waits for, and the numbers that show its work."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.registry import Collector

from collectors.live.contract import Turn
from pipeline.health.readiness import START, Readiness
from pipeline.wire.types.control import BEGINS

log = logging.getLogger("driftledger.collect")


class Report(Readiness):
    """The watch of the collectors of one process; each has a `part` of its own."""

    def __init__(self, beside: Iterable[Collector] = ()) -> None:
        """`beside` are numbers of others, shown on the same page."""
        super().__init__(log)
        self._stop = threading.Event()
        self._registry = CollectorRegistry()
        for numbers in beside:
            self._registry.register(numbers)
        by = ("collector",)
        self._events = self._counter("events", "Events collected, by type", *by, "type")
        self._rejected = self._counter("rejected", "Units refused, by reason", *by, "reason")
        self._excluded = self._counter("excluded", "Units left out on purpose, by reason", *by, "reason")
        self._gaps = self._counter("gaps", "Known losses, by kind", *by, "kind")
        self._last = self._gauge("last_turn_timestamp_seconds", "When the last turn was safe", *by)
        self._ready = self._gauge("ready", "1 while the collectors are ready, else 0")

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"driftledger_collect_{name}", help_, labels, registry=self._registry)

    def _gauge(self, name: str, help_: str, *labels: str) -> Gauge:
        return Gauge(f"driftledger_collect_{name}", help_, labels, registry=self._registry)

    def registry(self) -> CollectorRegistry:
        self._ready.set(not self.not_ready())
        return self._registry

    def stop(self) -> None:
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        return self._stop.wait(seconds)

    def now(self) -> int:
        return time.time_ns() // 1_000

    def turn(self, kind: str, turn: Turn) -> None:
        """A turn is safe."""
        parsed = turn.parsed
        for name, events in parsed.events.items():
            self._events.labels(kind, name).inc(events.num_rows)
        for refusal in parsed.rejected:
            self._rejected.labels(kind, refusal.reason).inc()
        for reason, units in parsed.excluded.items():
            self._excluded.labels(kind, reason).inc(units)
        for gap in parsed.gaps.column("kind").to_pylist():
            self._gaps.labels(kind, gap).inc()
            if gap != BEGINS:
                log.warning("%s: a loss is known: %s", kind, gap)
        self._last.labels(kind).set(time.time())
        self.goes_on(START)
