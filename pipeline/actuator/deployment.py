"""A Deployment: its ReplicaSets keep the pod templates that it can return to."""

from __future__ import annotations

from pipeline.actuator import progress as of
from pipeline.actuator.kubernetes import DEPLOYMENTS, REPLICA_SETS, ApiError, Kubernetes, Object
from pipeline.actuator.owned import owned
from pipeline.actuator.shape import Kept, Progress
from pipeline.actuator.template import bare, version_of

RESOURCE = DEPLOYMENTS
PATH = "/spec/template"
KEEPER = "ReplicaSet"
REVISION = "deployment.kubernetes.io/revision"


def content(thing: Object) -> Object:
    """The pod template."""
    return bare(thing["spec"]["template"])


version = version_of


def kept(client: Kubernetes, thing: Object) -> list[Kept] | ApiError:
    """Those of its ReplicaSets that its controller has numbered."""
    found = owned(client, REPLICA_SETS, thing)
    if isinstance(found, ApiError):
        return found
    return [Kept(n, s["metadata"]["name"], content(s)) for s in found if (n := _revision(s)) > 0]


def held_back(thing: Object) -> str | None:
    """Paused."""
    return "paused: spec.paused is true, a patch would not roll out" if thing["spec"].get("paused") else None


def progress(thing: Object) -> tuple[Progress, str]:
    """Stuck past its progress deadline; complete when all replicas are of the newest template."""
    if unseen := of.unseen(thing):
        return unseen
    conditions = of.conditions(thing)
    if (conditions.get("Progressing") or {}).get("reason") == "ProgressDeadlineExceeded":
        return "stuck", "the rollout exceeded its progress deadline"
    wanted = of.replicas(thing)
    updated, total, available = of.counts(thing, "updatedReplicas", "replicas", "availableReplicas")
    words = f"{updated} of {wanted} replicas are updated, {total} exist, {available} are available"
    if updated < wanted or total > updated or available < updated:
        return "under_way", words
    if wanted and (conditions.get("Available") or {}).get("status") != "True":
        return "under_way", f"{words}; condition Available is not True"
    return "complete", words


def _revision(replica_set: Object) -> int:
    text = str((replica_set["metadata"].get("annotations") or {}).get(REVISION, ""))
    return int(text) if text.isdigit() else 0
