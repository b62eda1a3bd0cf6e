"""What a ladder says: which step may be taken in which namespaces at which share of a budget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from pipeline.policy.modes import Mode
from pipeline.policy.quiet import QuietHours

STEPS = (
    "notify",
    "freeze",
    "hold_queues",
    "hold_admission",
    "cap_autoscalers",
    "scale_idle",
    "suspend_batch",
    "evict",
)
"""From the mildest to the hardest; pipeline/actuator/ladder has one file for each."""

Measure = Literal["spent", "forecast"]

TTL = timedelta(hours=12)
COOL_DOWN = timedelta(hours=6)
APPROVE_WITHIN = timedelta(hours=4)
MAX_AGE = timedelta(hours=2)
VERIFY_WITHIN = timedelta(minutes=10)
IDLE_FOR = timedelta(hours=6)
MOST = 20


@dataclass(frozen=True, slots=True)
class Rung:
    """A step and the share of the budget at which it may be taken."""

    step: str
    measure: Measure
    """What is compared: money spent so far, or the forecast for the end of the period."""
    percent: Decimal
    """Of the budget's amount."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Steps against the cost that one budget is about, in namespaces of one cluster."""

    name: str
    budget: str
    """As the file of budgets names it."""
    cluster: str
    namespaces: tuple[str, ...]
    """Exact names: a pattern that grows by itself would grow what may be changed."""
    rungs: tuple[Rung, ...]
    """From the mildest step to the hardest."""
    mode: Mode = "observe"
    ttl: timedelta = TTL
    """After it a step is put back by itself."""
    cool_down: timedelta = COOL_DOWN
    """Least time from the end of a step in a namespace to the same step again."""
    approve_within: timedelta = APPROVE_WITHIN
    max_age: timedelta = MAX_AGE
    """Oldest cost that a step may rest on."""
    verify_within: timedelta = VERIFY_WITHIN
    idle_for: timedelta = IDLE_FOR
    """A workload is idle that held GPUs and used none of them for so long."""
    most: int = MOST
    """Objects that one step may change; with more it is refused."""
    spare: tuple[str, ...] = ()
    """PriorityClasses whose pods, jobs and workloads are never touched."""
    quiet: tuple[QuietHours, ...] = ()
