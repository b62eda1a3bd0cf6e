"""No new devices: a ResourceQuota of our own at what the namespace holds, and the surge of one rollback."""

from __future__ import annotations

from datetime import datetime

from collectors.quantity import quantity
from pipeline.actuator import freeze as quota
from pipeline.actuator.kubernetes import RESOURCE_QUOTAS, ApiError, Kubernetes
from pipeline.actuator.ladder.contract import Plan, Scope
from pipeline.actuator.patching import action_of
from pipeline.actuator.steps import Step


def plan(client: Kubernetes, scope: Scope) -> Plan | ApiError:
    found = quota.plan(client, scope.namespace)
    if isinstance(found, ApiError):
        return found
    return {"namespace": found.namespace, "hard": dict(found.hard)} if found.hard else {}


def carry_out(client: Kubernetes, plan: Plan, action_id: str, expires: datetime) -> Step | None:
    return quota.freeze(client, quota.Freeze(plan["namespace"], plan["hard"]), action_id, expires)


def holds(client: Kubernetes, plan: Plan, action_id: str) -> Step | None:
    """Once the quota's controller has counted."""
    found = client.get(RESOURCE_QUOTAS, plan["namespace"], quota.NAME)
    if isinstance(found, ApiError):
        return Step("failed", "the quota is gone") if found.fault == "not_found" else None
    if action_of(found) != action_id:
        return Step("failed", "another freeze has taken its place")
    counted = (found.get("status") or {}).get("hard") or {}
    # The API server writes some in another form: 1000 is 1k.
    counts = {name: quantity(held) for name, held in counted.items()} == dict(plan["hard"])
    return Step("verified", "the quota counts") if counts else None


def put_back(client: Kubernetes, plan: Plan, action_id: str) -> Step | None:
    return quota.thaw(client, plan["namespace"], None, action_id)
