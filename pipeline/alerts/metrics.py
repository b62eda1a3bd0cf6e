"""The newest verdicts for Prometheus; docs/alerts.rules.yaml holds rules on them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from detectors.finding import Finding
from pipeline.answers.burning import Burning

LEVELS = {"ok": 0.0, "warn": 1.0, "act": 2.0, "invalid": -2.0}
"""Invalid is an estimate that labels contradict: a verdict, and not on the model."""
UNKNOWN = -1.0
"""Of levels that are no verdict."""
_LABELS = ("detector", "model", "model_version")


class Verdicts(Collector):
    """Told by the judge, read by the health server; shows nothing before the first tick."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: tuple[Finding, ...] = ()
        self._burning: tuple[Burning, ...] = ()

    def told(self, found: Sequence[Finding]) -> None:
        with self._lock:
            self._found = tuple(found)

    def burnt(self, burning: Sequence[Burning]) -> None:
        with self._lock:
            self._burning = tuple(burning)

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            found, burning = self._found, self._burning
        level = GaugeMetricFamily(
            "driftledger_verdict_level",
            "2 act, 1 warn, 0 ok, -1 no verdict, -2 an estimate that labels contradict",
            labels=_LABELS,
        )
        evidence = GaugeMetricFamily(
            "driftledger_verdict_evidence_nats", "Evidence of harm or change, ln", labels=_LABELS
        )
        judged = GaugeMetricFamily(
            "driftledger_verdict_judged_timestamp_seconds", "End of what was judged", labels=_LABELS
        )
        for finding in found:
            of = (finding.detector, finding.model, finding.model_version)
            value = LEVELS.get(finding.level, UNKNOWN)
            level.add_metric(of, value)
            if value != UNKNOWN:
                evidence.add_metric(of, finding.log_evidence)
            judged.add_metric(of, finding.end.replace(tzinfo=UTC).timestamp())
        burn = GaugeMetricFamily(
            "driftledger_burn_rate",
            "How many times faster than allowed the budget of an objective is spent, by window",
            labels=("model", "model_version", "metric", "window"),
        )
        for of_window in burning:
            of = (of_window.model, of_window.model_version, of_window.metric)
            burn.add_metric((*of, _window(of_window.minutes)), of_window.rate)
        yield from (level, evidence, judged, burn)


def _window(minutes: int) -> str:
    """As Prometheus writes a duration."""
    for size, unit in ((1_440, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"
