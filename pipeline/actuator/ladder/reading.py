"""What the steps read: objects of kinds that a cluster need not have, and the priority of pods."""

from __future__ import annotations

from collections.abc import Collection

from pipeline.actuator.kubernetes import ApiError, Kubernetes, Object, Resource

AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers")
SCALED_OBJECTS = Resource("keda.sh", "v1alpha1", "scaledobjects")
JOBS = Resource("batch", "v1", "jobs")
LOCAL_QUEUES = Resource("kueue.x-k8s.io", "v1beta2", "localqueues")
WORKLOADS = Resource("kueue.x-k8s.io", "v1beta2", "workloads")
WORKLOAD_STATUS = Resource("kueue.x-k8s.io", "v1beta2", "workloads", "status")
CHECKS = Resource("kueue.x-k8s.io", "v1beta2", "admissionchecks")
CHECK_STATUS = Resource("kueue.x-k8s.io", "v1beta2", "admissionchecks", "status")
PRIORITY_CLASSES = Resource("scheduling.k8s.io", "v1", "priorityclasses")


def listed(client: Kubernetes, resource: Resource, namespace: str) -> list[Object] | ApiError:
    """Sorted by name; none of a kind that the cluster does not have."""
    found = client.list_all(resource, namespace)
    if isinstance(found, ApiError):
        return [] if found.fault == "not_found" else found
    return sorted(found, key=lambda thing: str(thing["metadata"]["name"]))


def priorities(client: Kubernetes) -> dict[str, int] | ApiError:
    """The value of each PriorityClass; of no name, that of the class that is the default."""
    found = client.list_all(PRIORITY_CLASSES, "")
    if isinstance(found, ApiError):
        return found
    values = {str(c["metadata"]["name"]): int(c["value"]) for c in found}
    return values | {"": max((int(c["value"]) for c in found if c.get("globalDefault")), default=0)}


def spared(client: Kubernetes, spare: Collection[str]) -> frozenset[str] | ApiError:
    """The names that stand in a pod's template for a class that is left alone: no name is the default's."""
    if not spare:
        return frozenset()
    found = client.list_all(PRIORITY_CLASSES, "")
    if isinstance(found, ApiError):
        return found
    usual = any(c.get("globalDefault") and str(c["metadata"]["name"]) in spare for c in found)
    return frozenset(spare) | (frozenset({""}) if usual else frozenset())


def priority_class(thing: Object) -> str:
    """As the pod template of a workload names it; '' for none."""
    pod = (thing["spec"].get("template") or {}).get("spec") or {}
    return str(pod.get("priorityClassName") or "")


def workload_class(workload: Object) -> str:
    """As Kueue's workload names it: the default's name where its pods name none; '' for none."""
    return str((workload["spec"].get("priorityClassRef") or {}).get("name") or "")


def conditions(thing: Object) -> dict[str, str]:
    """Status by type."""
    return {str(c["type"]): str(c["status"]) for c in (thing.get("status") or {}).get("conditions") or ()}
