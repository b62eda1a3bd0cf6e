"""Objects as people write them into a cluster: nodes with GPUs for the real scheduler, pods, Deployments."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from pipeline.rig.kube.cluster import Kube

Json = dict[str, Any]

DRIVER = "gpu.nvidia.com"
RESOURCE = "/apis/resource.k8s.io/v1"
WAIT_SECONDS = 60.0


def until(holds: Callable[[], Any], what: str) -> Any:
    """What `holds` gives once it gives something; a failed test says what it waited for."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := holds()):
        assert time.monotonic() < deadline, f"it never came: {what}"
        time.sleep(0.1)
    return found


def namespace(kube: Kube, **labels: str) -> str:
    """A new one, whose default service account is there."""
    name = f"ns-{secrets.token_hex(4)}"
    told = {k.replace("__", "/").replace("_", "."): v for k, v in labels.items()}
    kube.request("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": told}})
    account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    until(lambda: kube.request("GET", account, or_status=404).get("metadata"), f"the account of {name}")
    return name


def node(kube: Kube, name: str, capacity: Json | None = None) -> None:
    """A node that KWOK plays; `capacity` are extended resources, as a device plugin would tell them."""
    annotations = {"kwok.x-k8s.io/node": "fake"}
    labels = {"topology.kubernetes.io/zone": "z1", "kubernetes.io/os": "linux"}
    body = {"metadata": {"name": name, "annotations": annotations, "labels": labels}}
    kube.request("POST", "/api/v1/nodes", body)

    def is_ready() -> bool:
        conditions = kube.request("GET", f"/api/v1/nodes/{name}")["status"].get("conditions", [])
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    until(is_ready, f"node {name} ready")
    if capacity:
        status = {"status": {"capacity": capacity, "allocatable": capacity}}
        kube.request("PATCH", f"/api/v1/nodes/{name}/status", status)


def device_class(kube: Kube, name: str, expression: str = "true") -> None:
    selector = {"cel": {"expression": f"device.driver == '{DRIVER}' && ({expression})"}}
    body = {"metadata": {"name": name}, "spec": {"selectors": [selector]}}
    kube.request("POST", f"{RESOURCE}/deviceclasses", body, or_status=409)


def device(name: str, **fields: Any) -> Json:
    attributes = {
        "type": "gpu",
        "uuid": f"GPU-{name}-{secrets.token_hex(4)}",
        "productName": "NVIDIA A100-SXM4-80GB",
    }
    told = {k: {"string": v} for k, v in attributes.items()}
    return {"name": name, "attributes": told, "capacity": {"memory": {"value": "80Gi"}}, **fields}


def devices(kube: Kube, of_node: str, *found: Json, part: int = 0, parts: int = 1, **spec: Any) -> None:
    """A ResourceSlice as a driver publishes it."""
    pool = {"name": of_node, "generation": 1, "resourceSliceCount": parts}
    body = {
        "driver": DRIVER,
        "nodeName": of_node,
        "pool": pool,
        **({"devices": list(found)} if found else {}),
        **spec,
    }
    kube.request(
        "POST", f"{RESOURCE}/resourceslices", {"metadata": {"name": f"{of_node}-{part}"}, "spec": body}
    )


def request(of_class: str, **exactly: Any) -> Json:
    return {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": of_class, **exactly}}]}}


def template(kube: Kube, ns: str, name: str, spec: Json) -> None:
    """What makes a claim of its own for each pod."""
    body = {"metadata": {"name": name}, "spec": {"spec": spec}}
    kube.request("POST", f"{RESOURCE}/namespaces/{ns}/resourceclaimtemplates", body)


def claim(kube: Kube, ns: str, name: str, spec: Json) -> None:
    """A claim that pods share by its name."""
    body = {"metadata": {"name": name}, "spec": spec}
    kube.request("POST", f"{RESOURCE}/namespaces/{ns}/resourceclaims", body)


def pod_spec(*, template: str = "", claim: str = "", limits: Json | None = None, node: str = "") -> Json:
    container: Json = {"name": "main", "image": "model:1", "resources": {"limits": limits} if limits else {}}
    spec: Json = {"containers": [container], "terminationGracePeriodSeconds": 1}
    if template or claim:
        named = {"resourceClaimTemplateName": template} if template else {"resourceClaimName": claim}
        spec["resourceClaims"] = [{"name": "gpu", **named}]
        container["resources"]["claims"] = [{"name": "gpu"}]
    if node:
        spec["nodeSelector"] = {"kubernetes.io/hostname": node}
    return spec


def pod(kube: Kube, ns: str, name: str, spec: Json) -> None:
    kube.request("POST", f"/api/v1/namespaces/{ns}/pods", {"metadata": {"name": name}, "spec": spec})


def deployment(kube: Kube, ns: str, name: str, spec: Json, replicas: int) -> None:
    labels = {"app": name}
    body = {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    kube.request("POST", f"/apis/apps/v1/namespaces/{ns}/deployments", body)


def delete_pod(kube: Kube, ns: str, name: str) -> None:
    kube.request("DELETE", f"/api/v1/namespaces/{ns}/pods/{name}")


def running_pods(kube: Kube, ns: str) -> list[str]:
    found = kube.request("GET", f"/api/v1/namespaces/{ns}/pods")["items"]
    return [
        p["metadata"]["name"]
        for p in found
        if p["status"].get("phase") == "Running" and "deletionTimestamp" not in p["metadata"]
    ]


def claims(kube: Kube, ns: str) -> list[Json]:
    items: list[Json] = kube.request("GET", f"{RESOURCE}/namespaces/{ns}/resourceclaims")["items"]
    return items


def results(claim: Json) -> list[Json]:
    """What the scheduler gave."""
    allocation = claim.get("status", {}).get("allocation", {})
    found: list[Json] = allocation.get("devices", {}).get("results", [])
    return found
