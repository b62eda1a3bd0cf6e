"""A finding: what one detector concludes about one model version at one tick."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Level = Literal["ok", "warn", "act", "not_enough_data", "no_reference", "stale", "invalid"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`log_evidence` is the natural log of the e-detector at `end`; it acts at `log_act`, warns at `log_warn`."""

    detector: str
    model: str
    model_version: str
    level: Level
    start: datetime
    """First minute read, UTC naive."""
    end: datetime
    """End of the window read, exclusive."""
    count: int
    """Events that the verdict rests on."""
    log_evidence: float
    log_warn: float
    log_act: float
    since: datetime | None = None
    """Minute at which the evidence first reached the level."""
    evidence: dict[str, float | int | str] = field(default_factory=dict)
    """Numbers by name: rates, baselines, phi, culprits."""
