"""The objects that keep a target's earlier states, and that its controller made for it."""

from __future__ import annotations

from pipeline.actuator.kubernetes import (
    CONTROLLER_REVISIONS,
    REPLICA_SETS,
    ApiError,
    Kubernetes,
    Object,
    Resource,
)
from pipeline.actuator.shape import Kept
from pipeline.actuator.template import bare, pod_template


def owned(client: Kubernetes, resource: Resource, thing: Object) -> list[Object] | ApiError:
    """Those whose owner has the target's uid: a selector may match a stranger's too."""
    labels = thing["spec"]["selector"].get("matchLabels") or {}
    return belonging(client, resource, thing, ",".join(f"{k}={v}" for k, v in sorted(labels.items())))


def belonging(
    client: Kubernetes, resource: Resource, thing: Object, selector: str
) -> list[Object] | ApiError:
    """Those that the selector finds and that name the target as an owner."""
    found = client.list_all(resource, thing["metadata"]["namespace"], label_selector=selector)
    if isinstance(found, ApiError):
        return found
    uid = thing["metadata"]["uid"]
    return [s for s in found if any(r.get("uid") == uid for r in s["metadata"].get("ownerReferences") or ())]


def in_controller_revisions(client: Kubernetes, thing: Object) -> list[Kept] | ApiError:
    """Pod templates of a StatefulSet or DaemonSet."""
    found = owned(client, CONTROLLER_REVISIONS, thing)
    if isinstance(found, ApiError):
        return found
    return [
        Kept(int(r["revision"]), r["metadata"]["name"], bare(r["data"]["spec"]["template"])) for r in found
    ]


def in_replica_sets(client: Kubernetes, thing: Object, annotation: str) -> list[Kept] | ApiError:
    """Pod templates of those ReplicaSets that the controller has numbered in this annotation."""
    found = owned(client, REPLICA_SETS, thing)
    if isinstance(found, ApiError):
        return found
    return [
        Kept(n, s["metadata"]["name"], pod_template(s)) for s in found if (n := _number(s, annotation)) > 0
    ]


def _number(replica_set: Object, annotation: str) -> int:
    text = str((replica_set["metadata"].get("annotations") or {}).get(annotation, ""))
    return int(text) if text.isdigit() else 0
