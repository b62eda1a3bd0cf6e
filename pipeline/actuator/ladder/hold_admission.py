"""Kueue's workloads of the namespace wait: our AdmissionCheck answers Retry while this step holds.

The step writes nothing itself.  pipeline/act/admission.py answers each workload from the ledger.
"""

from __future__ import annotations

from datetime import datetime

from pipeline.actuator.kubernetes import Kubernetes
from pipeline.actuator.ladder.contract import Plan, Scope
from pipeline.actuator.steps import Step


def plan(client: Kubernetes, scope: Scope) -> Plan:
    return {"hold": scope.namespace} | ({"spare": list(scope.spare)} if scope.spare else {})


def carry_out(client: Kubernetes, plan: Plan, action_id: str, expires: datetime) -> Step:
    return Step("executed", f"new workloads of {plan['hold']} are answered Retry")


def holds(client: Kubernetes, plan: Plan, action_id: str) -> Step:
    return Step("verified", "the ledger holds the answer")


def put_back(client: Kubernetes, plan: Plan, action_id: str) -> Step:
    return Step("undone", f"new workloads of {plan['hold']} are answered Ready")
