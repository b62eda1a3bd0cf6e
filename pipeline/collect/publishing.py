"""The numbers of a process that publishes, for Prometheus; docs/operations.md lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from collectors.publish.stats import Stats

_COUNTERS = {
    "messages": "Messages taken from their sources",
    "acknowledged": "Messages that the broker has in all its copies",
    "refused": "Rows refused because one alone is larger than a message may be",
    "torn_bytes": "Bytes of the spool that were not as they had been written: lost, and a gap in the ledger",
}
_GAUGES = {
    "in_memory_messages": "Messages neither acknowledged nor in the spool",
    "in_flight_bytes": "Bytes given to the producer and not acknowledged",
    "spooled_messages": "Messages in the spool",
    "spooled_bytes": "Bytes of the spool on the disk",
    "oldest_spooled_seconds": "Age of the first message in the spool, 0 where it is empty",
    "blocked_seconds": "How long a source has been waiting with memory and spool full, 0 where none is",
    "connected": "1 while a broker is connected, else 0",
}


class Numbers(Collector):
    """`of` is what to ask for them, None as long as nothing is published."""

    def __init__(self) -> None:
        self.of: Callable[[], Stats] | None = None

    def collect(self) -> Iterator[Metric]:
        if self.of is None:
            return
        stats = self.of()
        for name, meaning in _COUNTERS.items():
            yield CounterMetricFamily(f"driftledger_publish_{name}", meaning, value=getattr(stats, name))
        for name, meaning in _GAUGES.items():
            yield GaugeMetricFamily(f"driftledger_publish_{name}", meaning, value=float(getattr(stats, name)))
