"""What one round of maintenance did, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Step:
    """`count` is in the unit that `unit` names."""

    name: str
    count: int
    unit: str
    seconds: float
    detail: str = ""
    """What could not be done this time and why; '' where all was."""


@dataclass(frozen=True, slots=True)
class Report:
    """One round; without steps and with `held_by` where somebody else is at it."""

    started: datetime
    steps: tuple[Step, ...] = ()
    held_by: str = ""
