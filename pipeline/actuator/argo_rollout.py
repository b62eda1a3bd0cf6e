"""An Argo Rollout: its ReplicaSets keep the pod templates that it can return to.

While a canary of the bad version is under way, putting the stable template back is all it takes: its
controller then skips the steps.  A ReplicaSet holds the template with the defaults of the server, a Rollout
without, so the two are equal to its controller and not in their bytes.
"""

from __future__ import annotations

from pipeline.actuator import progress as of
from pipeline.actuator.holds import paused
from pipeline.actuator.kubernetes import ROLLOUTS, ApiError, Kubernetes, Object
from pipeline.actuator.owned import in_replica_sets
from pipeline.actuator.shape import Kept, Progress
from pipeline.actuator.template import as_kept, pod_template, version_of

RESOURCE = ROLLOUTS
PATH = "/spec/template"
KEEPER = "ReplicaSet"
REVISION = "rollout.argoproj.io/revision"

content = pod_template
version = version_of
restored = as_kept


def kept(client: Kubernetes, thing: Object) -> list[Kept] | ApiError:
    return in_replica_sets(client, thing, REVISION)


def held_back(thing: Object) -> str | None:
    """Paused by a person, or only a view of a Deployment's template."""
    if thing["spec"].get("workloadRef"):
        return "workload_ref: another object holds the template; name that one as the target"
    return paused(thing)


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
