"""Fold of label events: what a prediction should have been, by whichever evaluator, however late."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from detectors.references import Reference
from detectors.versions import versions
from pipeline.facts.models import LABELS


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`label` events as `labels`; an absent revision is 0, an absent evaluator ''."""
    return {LABELS.name: versions(LABELS, events, revision=events.column("revision").fill_null(0))}
