"""Kueue's LocalQueues of the namespace admit nothing new; what runs, runs to its end."""

from __future__ import annotations

from datetime import datetime

from pipeline.actuator.kubernetes import ApiError, Kubernetes
from pipeline.actuator.ladder import changes
from pipeline.actuator.ladder.changes import change, holds, planned, put_back
from pipeline.actuator.ladder.contract import Plan, Scope
from pipeline.actuator.ladder.reading import LOCAL_QUEUES, listed
from pipeline.actuator.ownership import owner
from pipeline.actuator.steps import Step

__all__ = ["carry_out", "holds", "plan", "put_back"]

OPEN = (None, "None")


def plan(client: Kubernetes, scope: Scope) -> Plan | ApiError:
    found = listed(client, LOCAL_QUEUES, scope.namespace)
    if isinstance(found, ApiError):
        return found
    open_ = [q for q in found if q["spec"].get("stopPolicy") in OPEN and not owner(q)]
    return planned([change(LOCAL_QUEUES, q, "stopPolicy", "Hold") for q in open_][: scope.most])


def carry_out(client: Kubernetes, plan: Plan, action_id: str, expires: datetime) -> Step | None:
    return changes.carry_out(client, plan, action_id)
