"""Pods that a StatefulSet's controller waits for in vain after its template was put back.

With pod management OrderedReady the controller replaces nothing before a pod of the bad revision is
ready, which it never will be:
https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback
"""

from __future__ import annotations

from pipeline.actuator.kubernetes import EVICTIONS, PODS, ApiError, Kubernetes, Object
from pipeline.actuator.rights import Right

NEEDS = (Right("list", PODS), Right("create", EVICTIONS))

_HASH_LABEL = "controller-revision-hash"


def evict(client: Kubernetes, thing: Object) -> str:
    """Evicts the pods of other revisions than the wanted one that are not ready; '' where there is none."""
    wanted = (thing.get("status") or {}).get("updateRevision")
    metadata = thing["metadata"]
    labels = thing["spec"]["selector"].get("matchLabels") or {}
    selector = ",".join(f"{k}={v}" for k, v in sorted(labels.items()))
    pods = client.list_all(PODS, metadata["namespace"], label_selector=selector)
    if isinstance(pods, ApiError):
        return ""
    stuck = [p for p in pods if _owned(p, metadata["uid"]) and _left(p, wanted) and not _ready(p)]
    gone = [p["metadata"]["name"] for p in stuck if not isinstance(evicted(client, p), ApiError)]
    return f"evicted {', '.join(gone)}: not ready, and waited for by the rollout" if gone else ""


def evicted(client: Kubernetes, pod: Object) -> Object | ApiError:
    """By the Eviction API, which honours disruption budgets."""
    where = {"name": pod["metadata"]["name"], "namespace": pod["metadata"]["namespace"]}
    options = {"preconditions": {"uid": pod["metadata"]["uid"]}}
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": where, "deleteOptions": options}
    return client.create(EVICTIONS, where["namespace"], body, name=where["name"])


def _owned(pod: Object, uid: str) -> bool:
    return any(r.get("uid") == uid for r in pod["metadata"].get("ownerReferences") or ())


def _left(pod: Object, wanted: str | None) -> bool:
    runs = (pod["metadata"].get("labels") or {}).get(_HASH_LABEL)
    return bool(wanted and runs and runs != wanted) and "deletionTimestamp" not in pod["metadata"]


def _ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
