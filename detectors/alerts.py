"""Fold of alert events: the newest state of an alert wins."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from detectors.references import Reference
from detectors.versions import time_revision, versions
from pipeline.facts.control import ALERTS


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`alert` events as `alerts`, one row an event; the latest of an alert wins."""
    return {ALERTS.name: versions(ALERTS, events, revision=time_revision(events))}
