"""The newest verdicts for Prometheus; docs/alerts.rules.yaml holds rules on them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from detectors.finding import Finding

LEVELS = {"ok": 0.0, "warn": 1.0, "act": 2.0}
UNKNOWN = -1.0
"""Of levels that are no verdict."""
_LABELS = ("detector", "model", "model_version")


class Verdicts(Collector):
    """Told by the judge, read by the health server; shows nothing before the first tick."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: tuple[Finding, ...] = ()

    def told(self, found: Sequence[Finding]) -> None:
        with self._lock:
            self._found = tuple(found)

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            found = self._found
        level = GaugeMetricFamily(
            "driftledger_verdict_level", "2 act, 1 warn, 0 ok, -1 no verdict", labels=_LABELS
        )
        evidence = GaugeMetricFamily(
            "driftledger_verdict_evidence_nats", "Evidence of harm or change, ln", labels=_LABELS
        )
        judged = GaugeMetricFamily(
            "driftledger_verdict_judged_timestamp_seconds", "End of what was judged", labels=_LABELS
        )
        for finding in found:
            of = (finding.detector, finding.model, finding.model_version)
            level.add_metric(of, LEVELS.get(finding.level, UNKNOWN))
            if finding.level in LEVELS:
                evidence.add_metric(of, finding.log_evidence)
            judged.add_metric(of, finding.end.replace(tzinfo=UTC).timestamp())
        yield from (level, evidence, judged)
