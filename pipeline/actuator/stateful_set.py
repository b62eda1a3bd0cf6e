"""A StatefulSet: its ControllerRevisions keep the pod templates that it can return to."""

from __future__ import annotations

from pipeline.actuator import progress as of
from pipeline.actuator.kubernetes import STATEFUL_SETS, Object
from pipeline.actuator.owned import pod_templates
from pipeline.actuator.shape import Progress
from pipeline.actuator.template import bare, version_of

RESOURCE = STATEFUL_SETS
PATH = "/spec/template"
KEEPER = "ControllerRevision"

kept = pod_templates
version = version_of


def content(thing: Object) -> Object:
    """The pod template."""
    return bare(thing["spec"]["template"])


def held_back(thing: Object) -> str | None:
    """A strategy that replaces no pod by itself."""
    if (thing["spec"].get("updateStrategy") or {}).get("type") == "OnDelete":
        return "on_delete: spec.updateStrategy is OnDelete, a patch would replace no pod"
    return None


def progress(thing: Object) -> tuple[Progress, str]:
    """Complete when every replica above the partition is of the newest template and all are available."""
    if unseen := of.unseen(thing):
        return unseen
    strategy = thing["spec"].get("updateStrategy") or {}
    partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    wanted, status = of.replicas(thing), thing.get("status") or {}
    updated, available = of.counts(thing, "updatedReplicas", "availableReplicas")
    words = f"{updated} of {wanted} replicas are updated, {available} are available"
    if status.get("updateRevision") == status.get("currentRevision"):
        updated = wanted  # once all are, the controller counts none as updated
    whole = updated >= wanted - partition and available >= wanted
    return ("complete", words) if whole else ("under_way", words)
