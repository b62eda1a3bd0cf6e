"""An Argo Rollout: its ReplicaSets keep the pod templates that it can return to.

While a canary of the bad version is under way, putting the stable template back is all it takes: its
controller then skips the steps.  A ReplicaSet holds the template with the defaults of the server, a Rollout
without, so the two are equal to its controller and not in their bytes.
"""

from __future__ import annotations

from pipeline.actuator import progress as of
from pipeline.actuator.kubernetes import REPLICA_SETS, ApiError, Kubernetes, Object, Resource
from pipeline.actuator.owned import owned
from pipeline.actuator.shape import Kept, Progress
from pipeline.actuator.template import bare, version_of

RESOURCE = Resource("argoproj.io", "v1alpha1", "rollouts")
PATH = "/spec/template"
KEEPER = "ReplicaSet"
REVISION = "rollout.argoproj.io/revision"

version = version_of


def content(thing: Object) -> Object:
    """The pod template; {} where another object holds it."""
    return bare(thing["spec"].get("template") or {})


def kept(client: Kubernetes, thing: Object) -> list[Kept] | ApiError:
    """Those of its ReplicaSets that its controller has numbered."""
    found = owned(client, REPLICA_SETS, thing)
    if isinstance(found, ApiError):
        return found
    return [Kept(n, s["metadata"]["name"], content(s)) for s in found if (n := _revision(s)) > 0]


def held_back(thing: Object) -> str | None:
    """Paused by a person, or only a view of a Deployment's template."""
    if thing["spec"].get("workloadRef"):
        return "workload_ref: another object holds the template; name that one as the target"
    return "paused: spec.paused is true, a patch would not roll out" if thing["spec"].get("paused") else None


def progress(thing: Object) -> tuple[Progress, str]:
    """By the phase that its controller reports; the generation it has seen is a text there."""
    if unseen := of.unseen(thing):
        return unseen
    status = thing.get("status") or {}
    phase = str(status.get("phase") or "none")
    words = f"phase {phase}{': ' + str(status['message']) if status.get('message') else ''}"
    if phase == "Healthy":
        return "complete", words
    return ("stuck", words) if phase == "Degraded" else ("under_way", words)


def _revision(replica_set: Object) -> int:
    text = str((replica_set["metadata"].get("annotations") or {}).get(REVISION, ""))
    return int(text) if text.isdigit() else 0
