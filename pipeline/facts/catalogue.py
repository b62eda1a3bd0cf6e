"""Every fact table, by name."""

from __future__ import annotations

from pipeline.facts.control import (
    ACTIONS,
    ALERT_DELIVERIES,
    ALERTS,
    FINDINGS,
    GAPS,
    OUTCOMES,
    REJECTED,
    REPAIRS,
    REVISIONS,
)
from pipeline.facts.cost import (
    ALLOCATIONS,
    DEVICES,
    GPU_CONDITIONS,
    GPU_USAGE,
    NETWORK_OUTCOMES,
    NETWORK_USAGE,
    PROCESS_USAGE,
)
from pipeline.facts.fact import Fact
from pipeline.facts.models import (
    FEATURE_BINS,
    LABELS,
    LATENCY_BINS,
    LATENCY_COUNTS,
    PREDICTION_SUMS,
    PREDICTIONS,
    REFERENCES,
    SCORE_BINS,
    SERVING_COUNTERS,
)
from pipeline.facts.months import ADJUSTMENTS, CHARGES, CLOSINGS, DELIVERIES, REPLIES

FACTS: dict[str, Fact] = {
    f.name: f
    for f in (
        GPU_USAGE, PROCESS_USAGE, GPU_CONDITIONS, ALLOCATIONS, DEVICES, NETWORK_USAGE, NETWORK_OUTCOMES,
        LATENCY_BINS, LATENCY_COUNTS, PREDICTION_SUMS, FEATURE_BINS, SCORE_BINS, PREDICTIONS, LABELS,
        REFERENCES, FINDINGS, ACTIONS, OUTCOMES, REVISIONS, ALERTS, ALERT_DELIVERIES, REJECTED, REPAIRS,
        GAPS, SERVING_COUNTERS, CLOSINGS, CHARGES, ADJUSTMENTS, REPLIES, DELIVERIES,
    )
}  # fmt: skip
