"""No new devices: a ResourceQuota of our own at what the namespace holds, and the surge of one rollback."""

from __future__ import annotations

from datetime import datetime

from collectors.quantity import quantity
from pipeline.actuator import freeze as quota
from pipeline.actuator.kubernetes import RESOURCE_QUOTAS, ApiError, Kubernetes
from pipeline.actuator.ladder.contract import Plan, Scope
from pipeline.actuator.ladder.reading import spared
from pipeline.actuator.patching import action_of
from pipeline.actuator.steps import Step


def plan(client: Kubernetes, scope: Scope) -> Plan | ApiError:
    spare = spared(client, scope.spare)
    if isinstance(spare, ApiError):
        return spare
    found = quota.plan(client, scope.namespace, spare)
    if isinstance(found, ApiError):
        return found
    kept = {"spare": list(found.spare)} if found.spare else {}
    return {"namespace": found.namespace, "hard": dict(found.hard)} | kept if found.hard else {}


def carry_out(client: Kubernetes, plan: Plan, action_id: str, expires: datetime) -> Step | None:
    return quota.freeze(client, _freeze(plan), action_id, expires)


def holds(client: Kubernetes, plan: Plan, action_id: str) -> Step | None:
    """Once the quota's controller has counted."""
    counts = True
    for name, spec in _freeze(plan).specs.items():
        found = client.get(RESOURCE_QUOTAS, plan["namespace"], name)
        if isinstance(found, ApiError):
            return Step("failed", "the quota is gone") if found.fault == "not_found" else None
        if action_of(found) != action_id:
            return Step("failed", "another freeze has taken its place")
        counted = (found.get("status") or {}).get("hard") or {}
        # The API server writes some in another form: 1000 is 1k.
        wanted = {name: int(count) for name, count in spec["hard"].items()}
        counts &= {name: quantity(held) for name, held in counted.items()} == wanted
    return Step("verified", "the quota counts") if counts else None


def _freeze(plan: Plan) -> quota.Freeze:
    return quota.Freeze(plan["namespace"], plan["hard"], tuple(plan.get("spare", ())))


def put_back(client: Kubernetes, plan: Plan, action_id: str) -> Step | None:
    return quota.thaw(client, plan["namespace"], None, action_id)
