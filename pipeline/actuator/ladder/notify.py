"""The first step: say how far the budget is spent and where it will end.  Nothing is changed."""

from __future__ import annotations

from datetime import datetime

from pipeline.actuator.kubernetes import Kubernetes
from pipeline.actuator.ladder.contract import Plan, Scope
from pipeline.actuator.steps import Step


def plan(client: Kubernetes, scope: Scope) -> Plan:
    return {"tell": scope.namespace}


def carry_out(client: Kubernetes, plan: Plan, action_id: str, expires: datetime) -> Step:
    return Step("executed", "told; nothing is changed")


def holds(client: Kubernetes, plan: Plan, action_id: str) -> Step:
    return Step("verified", "nothing is to be verified")


def put_back(client: Kubernetes, plan: Plan, action_id: str) -> Step:
    return Step("undone", "there is nothing to put back")
