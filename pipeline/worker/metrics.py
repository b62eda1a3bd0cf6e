"""The numbers of a worker for Prometheus; docs/operations.md lists them, and a test holds it to that."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_COMMIT_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """One set a worker, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        where = ("topic", "partition")
        self.lag = self._gauge("lag_messages", "Messages of the partition that are not in the ledger", *where)
        self.age = self._gauge(
            "watermark_age_seconds",
            "Age of the first message that is not in the ledger, 0 where all is",
            *where,
        )
        self.events = self._counter("events", "Events folded into facts, by type", "type")
        self.rejected = self._counter("rejected", "Messages and rows refused, by reason", "reason")
        self.messages = self._counter(
            "messages",
            "Messages by outcome: stored, refused, repeated (its source sent it before), redelivered (the "
            "broker gave it before), dead_letter",
            "outcome",
        )
        self.gaps = self._counter("gaps", "Losses written to the ledger, by kind", "kind")
        self.lost = self._counter("offsets_lost", "Offsets that were gone before they were read")
        self.skipped = self._counter("offsets_skipped", "Offsets without a message, lost or never one")
        self.unexplained = self._gauge(
            "unexplained_offsets", "Offsets moved over less what became of them: 0, or a fault"
        )
        self.commit_seconds = Histogram(
            "driftledger_commit_seconds",
            "Committing one transaction, and folding what could not be folded ahead",
            buckets=_COMMIT_SECONDS,
            registry=self.registry,
        )
        self.last_commit = self._gauge("last_commit_timestamp_seconds", "When the last transaction was done")
        self.buffer_bytes = self._gauge("buffer_bytes", "Bytes of messages read ahead")
        self.buffer_messages = self._gauge("buffer_messages", "Messages read ahead")
        self.spool_bytes = self._gauge(
            "spool_bytes", "Bytes that wait for the broker in publish.spool_folder on this machine"
        )
        self.ready = self._gauge("ready", "1 while the worker is ready, else 0")

    def _gauge(self, name: str, help_: str, *labels: str) -> Gauge:
        return Gauge(f"driftledger_{name}", help_, labels, registry=self.registry)

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"driftledger_{name}", help_, labels, registry=self.registry)
