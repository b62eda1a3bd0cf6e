"""A StatefulSet: its ControllerRevisions keep the pod templates that it can return to."""

from __future__ import annotations

from pipeline.actuator import progress as of
from pipeline.actuator.holds import on_delete
from pipeline.actuator.kubernetes import STATEFUL_SETS, Object
from pipeline.actuator.owned import in_controller_revisions
from pipeline.actuator.shape import Progress
from pipeline.actuator.template import as_kept, pod_template, version_of

RESOURCE = STATEFUL_SETS
PATH = "/spec/template"
KEEPER = "ControllerRevision"

content = pod_template
kept = in_controller_revisions
version = version_of
restored = as_kept
held_back = on_delete


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
