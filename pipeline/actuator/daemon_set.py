"""A DaemonSet: its ControllerRevisions keep the pod templates that it can return to."""

from __future__ import annotations

from pipeline.actuator import progress as of
from pipeline.actuator.holds import on_delete
from pipeline.actuator.kubernetes import DAEMON_SETS, Object
from pipeline.actuator.owned import in_controller_revisions
from pipeline.actuator.shape import Progress
from pipeline.actuator.template import as_kept, pod_template, version_of

RESOURCE = DAEMON_SETS
PATH = "/spec/template"
KEEPER = "ControllerRevision"

content = pod_template
kept = in_controller_revisions
version = version_of
restored = as_kept
held_back = on_delete


def progress(thing: Object) -> tuple[Progress, str]:
    """Complete when every node that should run a pod has an available one of the newest template."""
    if unseen := of.unseen(thing):
        return unseen
    names = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    wanted, updated, available = of.counts(thing, *names)
    words = f"{updated} of {wanted} nodes are updated, {available} have an available pod"
    return ("complete", words) if updated >= wanted and available >= wanted else ("under_way", words)
