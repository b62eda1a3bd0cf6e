"""How far a rollout is, by the fields that the workload's controller reports; as `kubectl rollout status`."""

from __future__ import annotations

from pipeline.actuator.kubernetes import Object
from pipeline.actuator.shape import Progress


def unseen(thing: Object) -> tuple[Progress, str] | None:
    """Where the controller has not read the newest spec, its status says nothing about it."""
    generation = int((thing.get("metadata") or {}).get("generation") or 0)
    told = str((thing.get("status") or {}).get("observedGeneration") or 0)  # a text where Argo writes it
    seen = int(told) if told.isdigit() else 0
    if seen >= generation:
        return None
    return "unseen", f"the controller has seen generation {seen} of {generation}"


def untold(thing: Object) -> tuple[Progress, str] | None:
    """Where a controller tells no generation: whether the status was written after the newest spec.

    Under way and not unseen: a status that stays as it was through a change is not written again.
    """
    told, changed = "", ""
    for entry in (thing.get("metadata") or {}).get("managedFields") or ():
        time = str(entry.get("time", ""))
        if entry.get("subresource") == "status":
            told = max(told, time)
        elif "f:spec" in (entry.get("fieldsV1") or {}):
            changed = max(changed, time)
    if told and told >= changed:
        return None
    return "under_way", f"the status is of {told or 'no time'}, the spec of {changed}"


def annotated(thing: Object, key: str) -> bool:
    """Whether an annotation is there and says true."""
    return str(((thing.get("metadata") or {}).get("annotations") or {}).get(key, "")).lower() == "true"


def is_true(thing: Object, condition: str) -> bool:
    return (conditions(thing).get(condition) or {}).get("status") == "True"


def conditions(thing: Object) -> dict[str, Object]:
    """By type."""
    return {str(c.get("type")): c for c in (thing.get("status") or {}).get("conditions") or ()}


def replicas(thing: Object) -> int:
    """How many are wanted; 1 where the spec does not say."""
    wanted = (thing.get("spec") or {}).get("replicas")
    return int(1 if wanted is None else wanted)


def counts(thing: Object, *names: str) -> list[int]:
    """Numbers of the status; 0 where one is not there."""
    status = thing.get("status") or {}
    return [int(status.get(name) or 0) for name in names]
