"""An AI Runway ModelDeployment: engine, images, arguments; it keeps no earlier state, so we do.

Which model it is can never change: its webhook refuses that.  Then an older ModelDeployment is the way back,
and the weights of an HTTPRoute.  What it makes must not be patched: it would put the change back.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.actuator import progress as of
from pipeline.actuator.kubernetes import Object, Resource
from pipeline.actuator.shape import Kept, Progress
from pipeline.actuator.snapshots import KEEPER as KEEPER
from pipeline.actuator.snapshots import in_snapshots
from pipeline.actuator.spec_parts import at, label_of, with_live, without

RESOURCE = Resource("airunway.ai", "v1alpha1", "modeldeployments")
PATH = "/spec"
PAUSED = "airunway.ai/reconcile-paused"
_LEFT = (("scaling", "replicas"), ("scaling", "prefill", "replicas"), ("scaling", "decode", "replicas"))
_FIXED = (("model", "id"), ("model", "source"), ("engine", "type"), ("provider", "name"), ("serving", "mode"))

kept = in_snapshots


def content(thing: Object) -> Object:
    return without(thing["spec"], *_LEFT)


def version(content: Object, label: str) -> str:
    """By the labels that it gives its pods."""
    return label_of(at(content, "podTemplate", "metadata"), label)


def restored(thing: Object, found: Kept, kept: Sequence[Kept]) -> Object | str:
    other = [".".join(path) for path in _FIXED if at(found.content, *path) != at(thing["spec"], *path)]
    if other:
        return f"immutable: {', '.join(other)} cannot change; move the weights of its HTTPRoute instead"
    return with_live(found.content, thing["spec"], *_LEFT)


def held_back(thing: Object) -> str | None:
    """By the annotation that stops its controllers."""
    if of.annotated(thing, PAUSED):
        return f"paused: annotation {PAUSED} is true, a patch would not roll out"
    return None


def progress(thing: Object) -> tuple[Progress, str]:
    """By its phase and its replicas; it does not say which of them run the newest spec."""
    if unseen := of.unseen(thing):
        return unseen
    status = thing.get("status") or {}
    phase, replicas = status.get("phase") or "none", status.get("replicas") or {}
    wanted, ready = int(replicas.get("desired") or 0), int(replicas.get("ready") or 0)
    words = f"phase {phase}, {ready} of {wanted} replicas are ready"
    if phase == "Failed":
        return "stuck", f"{words}: {status.get('message', '')}"
    whole = phase == "Running" and ready >= wanted and of.is_true(thing, "Ready")
    return ("complete", words) if whole else ("under_way", words)
