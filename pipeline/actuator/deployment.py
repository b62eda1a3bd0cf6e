"""A Deployment: its ReplicaSets keep the pod templates that it can return to."""

from __future__ import annotations

from pipeline.actuator import progress as of
from pipeline.actuator.holds import paused
from pipeline.actuator.kubernetes import DEPLOYMENTS, ApiError, Kubernetes, Object
from pipeline.actuator.owned import in_replica_sets
from pipeline.actuator.shape import Kept, Progress
from pipeline.actuator.template import as_kept, pod_template, version_of

RESOURCE = DEPLOYMENTS
PATH = "/spec/template"
KEEPER = "ReplicaSet"
REVISION = "deployment.kubernetes.io/revision"

content = pod_template
version = version_of
restored = as_kept
held_back = paused


def kept(client: Kubernetes, thing: Object) -> list[Kept] | ApiError:
    return in_replica_sets(client, thing, REVISION)


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
