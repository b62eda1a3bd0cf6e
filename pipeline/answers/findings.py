"""What the judge concluded at one tick, with the evidence beside the bar that it must reach."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from detectors.finding import Finding
from pipeline.answers.answer import Answer, Column

COLUMNS = (
    Column("detector"),
    Column("model"),
    Column("model_version"),
    Column("level"),
    Column("since", kind="time"),
    Column("count", kind="integer"),
    Column("evidence", "nats", "number"),
    Column("act_bar", "nats", "number"),
    Column("warn_bar", "nats", "number", wide=True),
    Column("culprits"),
)

JUDGED = ("ok", "warn", "act")
"""Levels that rest on evidence; with the others it is unknown."""


def findings(found: Sequence[Finding], now: datetime, notes: tuple[str, ...]) -> Answer:
    """One row a finding, in their order; evidence and bars are natural logarithms."""
    rows = tuple(
        (
            f.detector,
            f.model,
            f.model_version,
            f.level,
            f.since,
            f.count,
            f.log_evidence if f.level in JUDGED else None,
            f.log_act,
            f.log_warn,
            f.evidence.get("culprits") or None,
        )
        for f in found
    )
    return Answer(COLUMNS, rows, now, None, notes, observed=False)
