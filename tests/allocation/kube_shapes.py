"""Kubernetes objects for the tests of the allocation collector, with the fields that matter."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

PODS, NODES, NAMESPACES = "/api/v1/pods", "/api/v1/nodes", "/api/v1/namespaces"
REPLICA_SETS, JOBS = "/apis/apps/v1/replicasets", "/apis/batch/v1/jobs"
SLICES, CLAIMS = "/apis/resource.k8s.io/v1/resourceslices", "/apis/resource.k8s.io/v1/resourceclaims"
CLASSES = "/apis/resource.k8s.io/v1/deviceclasses"
PATHS = {
    p.rsplit("/", 1)[1]: p for p in (PODS, NODES, NAMESPACES, REPLICA_SETS, JOBS, SLICES, CLASSES, CLAIMS)
}
CREATED = "2026-07-01T00:00:00Z"


def meta(name: str, *, uid: str = "", namespace: str = "", owner: Json | None = None, **more: Any) -> Json:
    made: Json = {"name": name, "uid": uid or f"uid-{name}", "creationTimestamp": CREATED, **more}
    if namespace:
        made["namespace"] = namespace
    if owner:
        made["ownerReferences"] = [owner | {"controller": True}]
    return made


def owner(kind: str, name: str, api: str = "") -> Json:
    return {"kind": kind, "name": name, "uid": f"uid-{name}", **({"apiVersion": api} if api else {})}


def replica_set(name: str, deployment: str, namespace: str = "ml", api: str = "") -> Json:
    return {"metadata": meta(name, namespace=namespace, owner=owner("Deployment", deployment, api))}


def namespace(name: str = "ml", **labels: str) -> Json:
    return {"metadata": meta(name, labels=labels)}


def node(
    name: str = "n1", *, capacity: Json | None = None, annotations: Json | None = None, **labels: str
) -> Json:
    named = {k.replace("__", "/").replace("_", "."): v for k, v in labels.items()}
    return {
        "metadata": meta(name, labels=named, annotations=annotations or {}),
        "spec": {"providerID": "aws:///eu-central-1a/i-1"},
        "status": {"capacity": capacity or {}},
    }


def pod(
    name: str,
    *,
    limits: Json | None = None,
    given: dict[str, list[str]] | None = None,
    node: str = "n1",
    phase: str = "Running",
    bound: str | None = "2026-07-02T10:00:00Z",
    finished: str | None = None,
    mapped: list[Json] | None = None,
    group: str = "",
    **metadata: Any,
) -> Json:
    status: Json = {"phase": phase, "conditions": []}
    if bound:
        status["conditions"].append({"type": "PodScheduled", "status": "True", "lastTransitionTime": bound})
    container: Json = {"name": "main"}
    if given:
        resources = [{"name": k, "resources": [{"resourceID": i} for i in v]} for k, v in given.items()]
        container["allocatedResourcesStatus"] = resources
    if finished:
        container["state"] = {"terminated": {"finishedAt": finished}}
    status["containerStatuses"] = [container]
    if mapped is not None:
        status["extendedResourceClaimStatus"] = {"resourceClaimName": "x", "requestMappings": mapped}
    spec: Json = {"nodeName": node, "containers": [{"name": "main", "resources": {"limits": limits or {}}}]}
    if group:
        spec["schedulingGroup"] = {"podGroupName": group}
    metadata = {"namespace": "ml"} | metadata
    return {"metadata": meta(name, **metadata), "spec": spec, "status": status}


def device(name: str = "gpu-0", *, memory: str = "80Gi", **fields: Any) -> Json:
    attributes = {"uuid": f"GPU-{name}", "productName": "NVIDIA A100", "type": "gpu"}
    attributes |= fields.pop("attributes", {})
    told = {k: {"string": v} for k, v in attributes.items() if v}
    return {"name": name, "attributes": told, "capacity": {"memory": {"value": memory}}, **fields}


def class_(name: str, resource: str) -> Json:
    return {"metadata": meta(name), "spec": {"extendedResourceName": resource} if resource else {}}


def slice_(*devices: Json, name: str = "s1", node: str = "n1", count: int = 1, **spec: Any) -> Json:
    pool = {"name": node, "generation": 1, "resourceSliceCount": count}
    body = {"driver": "gpu.nvidia.com", "nodeName": node, "pool": pool, "devices": list(devices), **spec}
    return {"metadata": meta(name), "spec": body}


def claim(
    name: str,
    *results: Json,
    pods: tuple[str | Json, ...] = (),
    allocated: str | None = "2026-07-02T10:00:00Z",
    **metadata: Any,
) -> Json:
    """Without results it is not allocated; a text in `pods` is a pod of that name."""
    base = {"driver": "gpu.nvidia.com", "pool": "n1", "device": "gpu-0", "request": "gpu"}
    reserved = [
        p if isinstance(p, dict) else {"resource": "pods", "name": p, "uid": f"uid-{p}"} for p in pods
    ]
    status: Json = {}
    if results:
        allocation: Json = {"devices": {"results": [base | r for r in results]}}
        if allocated:
            allocation["allocationTimestamp"] = allocated
        status = {"allocation": allocation, "reservedFor": reserved}
    return {"metadata": meta(name, namespace="ml", **metadata), "status": status}
