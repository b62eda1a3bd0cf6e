"""No more replicas than there are: the maximum of each HorizontalPodAutoscaler and KEDA ScaledObject."""

from __future__ import annotations

from datetime import datetime

from pipeline.actuator.kubernetes import (
    DEPLOYMENTS,
    ROLLOUTS,
    STATEFUL_SETS,
    ApiError,
    Kubernetes,
    Object,
)
from pipeline.actuator.ladder import changes
from pipeline.actuator.ladder.changes import Change, change, holds, planned, put_back
from pipeline.actuator.ladder.contract import Plan, Scope
from pipeline.actuator.ladder.reading import AUTOSCALERS, SCALED_OBJECTS, listed, priority_class, spared
from pipeline.actuator.ownership import owner
from pipeline.actuator.steps import Step

__all__ = ["carry_out", "holds", "plan", "put_back"]

_SCALED_KINDS = {
    "Deployment": DEPLOYMENTS,
    "StatefulSet": STATEFUL_SETS,
    "Rollout": ROLLOUTS,
}
KEDA_USUAL = 100
"""KEDA's maximum where a ScaledObject names none."""


def plan(client: Kubernetes, scope: Scope) -> Plan | ApiError:
    """An autoscaler that KEDA or a GitOps tool owns is left: its owner would set it back."""
    autoscalers = listed(client, AUTOSCALERS, scope.namespace)
    scaled = listed(client, SCALED_OBJECTS, scope.namespace)
    if isinstance(autoscalers, ApiError):
        return autoscalers
    if isinstance(scaled, ApiError):
        return scaled
    spare = spared(client, scope.spare)
    if isinstance(spare, ApiError):
        return spare
    now = {str(a["metadata"]["name"]): a for a in autoscalers}

    def free(things: list[Object]) -> list[Object]:
        return [a for a in things if not owner(a) and not _spared(client, a, spare)]

    found = [*map(_autoscaler, free(autoscalers)), *(_scaled(a, now) for a in free(scaled))]
    return planned([c for c in found if c is not None][: scope.most])


def carry_out(client: Kubernetes, plan: Plan, action_id: str, expires: datetime) -> Step | None:
    """One that has grown since it was planned is left: the cap would take away replicas that have work."""

    def grown(change: Change, thing: Object) -> str:
        kept = thing
        if change.plural == SCALED_OBJECTS.plural:
            found = client.get(AUTOSCALERS, change.namespace, _kept_by_keda(thing))
            if isinstance(found, ApiError):
                return f"nobody knows its replicas: {found.words}"
            kept = found
        now = _replicas(kept)
        return f"it has {now} replicas by now" if now > change.after else ""

    return changes.carry_out(client, plan, action_id, grown)


def _spared(client: Kubernetes, thing: Object, spare: frozenset[str]) -> bool:
    """By the template of what it scales; where that cannot be told, it is left alone."""
    if not spare:
        return False
    of = thing["spec"].get("scaleTargetRef") or {}
    resource = _SCALED_KINDS.get(str(of.get("kind") or "Deployment"))
    held = client.get(resource, thing["metadata"]["namespace"], str(of.get("name"))) if resource else None
    return held is None or isinstance(held, ApiError) or priority_class(held) in spare


def _autoscaler(thing: Object) -> Change | None:
    cap = max(_replicas(thing), int(thing["spec"].get("minReplicas") or 1), 1)
    return change(AUTOSCALERS, thing, "maxReplicas", cap) if cap < thing["spec"]["maxReplicas"] else None


def _scaled(thing: Object, autoscalers: dict[str, Object]) -> Change | None:
    """Its replicas are those of the autoscaler that KEDA keeps for it; without one nobody knows them."""
    kept = autoscalers.get(_kept_by_keda(thing))
    if kept is None:
        return None
    spec = thing["spec"]
    cap = max(_replicas(kept), int(spec.get("minReplicaCount") or 0), 1)
    limit = spec.get("maxReplicaCount")
    return (
        change(SCALED_OBJECTS, thing, "maxReplicaCount", cap)
        if cap < int(KEDA_USUAL if limit is None else limit)
        else None
    )


def _kept_by_keda(thing: Object) -> str:
    """Name of the autoscaler that KEDA keeps for it; '' where it says none."""
    return str((thing.get("status") or {}).get("hpaName") or "")


def _replicas(autoscaler: Object) -> int:
    return int((autoscaler.get("status") or {}).get("currentReplicas") or 0)
