"""What one step of a ladder can do; a module of this package is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pipeline.actuator.kubernetes import ApiError, Kubernetes
from pipeline.actuator.steps import Step
from pipeline.policy.rules import Target

Plan = Mapping[str, Any]
"""JSON: all that carrying out, looking after and putting back need, with what was there before."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a step may change something, and what it must leave alone."""

    cluster: str
    namespace: str
    spare: tuple[str, ...] = ()
    """PriorityClasses that are left alone."""
    most: int = 20
    """Objects, the lowest priority first."""
    idle: tuple[Target, ...] = ()
    """Workloads that hold GPUs and use none of them, as the ledger says."""


class Rung(Protocol):
    """None is: nobody knows yet, ask again at the next tick.  No method raises for the network."""

    def plan(self, client: Kubernetes, scope: Scope) -> Plan | ApiError:
        """What would be changed; {} where there is nothing.  Reads only."""

    def carry_out(self, client: Kubernetes, plan: Plan, action_id: str, expires: datetime) -> Step | None:
        """Executed or refused; done before, nothing is written again."""

    def holds(self, client: Kubernetes, plan: Plan, action_id: str) -> Step | None:
        """Verified where the objects are as the plan says, failed where somebody has changed them."""

    def put_back(self, client: Kubernetes, plan: Plan, action_id: str) -> Step | None:
        """Undone: what was there before is there again, but for what somebody has changed since.

        Failed where the cluster does not take it; it is asked again at the next tick.
        """
