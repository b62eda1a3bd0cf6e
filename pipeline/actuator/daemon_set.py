"""A DaemonSet: its ControllerRevisions keep the pod templates that it can return to."""

from __future__ import annotations

from pipeline.actuator import progress as of
from pipeline.actuator.kubernetes import DAEMON_SETS, Object
from pipeline.actuator.owned import pod_templates
from pipeline.actuator.shape import Progress
from pipeline.actuator.template import bare, version_of

RESOURCE = DAEMON_SETS
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
    """Complete when every node that should run a pod has an available one of the newest template."""
    if unseen := of.unseen(thing):
        return unseen
    names = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    wanted, updated, available = of.counts(thing, *names)
    words = f"{updated} of {wanted} nodes are updated, {available} have an available pod"
    return ("complete", words) if updated >= wanted and available >= wanted else ("under_way", words)
