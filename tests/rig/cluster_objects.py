"""Objects as people write them into a cluster: nodes with GPUs for the real scheduler, claims, pods."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

from pipeline.rig.kube.cluster import Kube
from tests import waiting

Json = dict[str, Any]

DRIVER = "gpu.nvidia.com"
RESOURCE = "/apis/resource.k8s.io/v1"
SCHEDULING = "/apis/scheduling.k8s.io/v1alpha2"
WAIT_SECONDS = 60.0
until = partial(waiting.until, seconds=WAIT_SECONDS)
OURS = {"driftledger.io/of": "tests"}
"""Label of the namespaces that `clear` empties."""
_KINDS = (
    "/apis/batch/v1/namespaces/{}/jobs",
    "/apis/apps/v1/namespaces/{}/deployments",
    "/apis/apps/v1/namespaces/{}/statefulsets",
    "/apis/apps/v1/namespaces/{}/daemonsets",
    "/apis/apps/v1/namespaces/{}/replicasets",
    "/api/v1/namespaces/{}/pods",
    f"{SCHEDULING}/namespaces/{{}}/podgroups",
    f"{RESOURCE}/namespaces/{{}}/resourceclaims",
)


def items(kube: Kube, path: str) -> list[Json]:
    found: list[Json] = kube.request("GET", path)["items"]
    return found


def clear(kube: Kube) -> None:
    """Nothing of the last test is left: no node, device, claim, pod or workload."""
    for kind in ("deviceclasses", "resourceslices"):
        kube.request("DELETE", f"{RESOURCE}/{kind}")
    named = f"?labelSelector={'='.join(*OURS.items())}"
    for space in items(kube, f"/api/v1/namespaces{named}"):
        if "deletionTimestamp" not in space["metadata"]:
            name = space["metadata"]["name"]
            # The controllers wait five seconds before they empty a namespace.
            for kind in _KINDS:
                kube.request(
                    "DELETE", f"{kind.format(name)}?propagationPolicy=Background&gracePeriodSeconds=0"
                )
            kube.request("DELETE", f"/api/v1/namespaces/{name}")
    everywhere = [kind.replace("/namespaces/{}", "") for kind in _KINDS]
    until(lambda: not any(items(kube, path) for path in everywhere), "the cluster to be empty")
    kube.request("DELETE", "/api/v1/nodes")


def namespace(kube: Kube, labels: Json | None = None) -> str:
    """A new one, in which pods can be made."""
    name = f"ns-{secrets.token_hex(4)}"
    body = {"metadata": {"name": name, "labels": OURS | (labels or {})}}
    kube.request("POST", "/api/v1/namespaces", body)
    account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    until(lambda: kube.request("GET", account, or_status=404).get("metadata"), f"the account of {name}")
    return name


def node(kube: Kube, *names: str, capacity: Json | None = None, zone: str = "z1") -> None:
    """Nodes that KWOK plays; `capacity` are extended resources, as a device plugin tells them."""
    for name in names:
        labels = {
            "topology.kubernetes.io/zone": zone,
            "kubernetes.io/os": "linux",
            "kubernetes.io/hostname": name,
        }
        played = {"kwok.x-k8s.io/node": "fake"}
        body: Json = {"metadata": {"name": name, "annotations": played, "labels": labels}}
        if capacity:
            body["status"] = {"capacity": capacity, "allocatable": capacity}
        kube.request("POST", "/api/v1/nodes", body)

    def all_ready() -> bool:
        return set(names) <= {n["metadata"]["name"] for n in items(kube, "/api/v1/nodes") if _takes_pods(n)}

    until(all_ready, f"{len(names)} nodes to be ready")


def _takes_pods(node: Json) -> bool:
    """The controllers take a taint away a moment after a node is ready."""
    conditions = node["status"].get("conditions", [])
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and not node["spec"].get("taints")


def cordon(kube: Kube, name: str, cordoned: bool = True) -> None:
    kube.request("PATCH", f"/api/v1/nodes/{name}", {"spec": {"unschedulable": cordoned or None}})


def device_class(kube: Kube, name: str, expression: str = "true", **spec: str) -> None:
    selector = {"cel": {"expression": f"device.driver == '{DRIVER}' && ({expression})"}}
    body = {"metadata": {"name": name}, "spec": {"selectors": [selector], **spec}}
    kube.request("POST", f"{RESOURCE}/deviceclasses", body, or_status=409)


def device(name: str, *, kind: str = "gpu", memory: Json | None = None, **fields: Any) -> Json:
    attributes = {
        "type": kind,
        "uuid": f"{'MIG' if kind == 'mig' else 'GPU'}-{secrets.token_hex(8)}",
        "productName": "NVIDIA A100-SXM4-80GB",
    }
    told = {key: {"string": value} for key, value in attributes.items()}
    return {"name": name, "attributes": told, "capacity": {"memory": memory or {"value": "80Gi"}}, **fields}


def shared_device(name: str, *, step: str = "1Gi") -> Json:
    """One whose memory several claims may have parts of."""
    policy = {"default": "10Gi", "validRange": {"min": step, "step": step}}
    memory = {"value": "80Gi", "requestPolicy": policy}
    return device(name, memory=memory, allowMultipleAllocations=True)


def counted_device(name: str, counters: str, value: str, **fields: Any) -> Json:
    """A device that takes memory out of the counters it shares with others."""
    taken = [{"counterSet": counters, "counters": {"memory": {"value": value}}}]
    return device(name, consumesCounters=taken, **fields)


def devices(kube: Kube, of_node: str, *found: Json, part: int = 0, parts: int = 1, **spec: Any) -> None:
    """A ResourceSlice as a driver publishes it: part `part` of `parts` of the node's pool."""
    pool = {"name": of_node, "generation": 1, "resourceSliceCount": parts}
    body = {"driver": DRIVER, "nodeName": of_node, "pool": pool, **spec}
    if found:
        body["devices"] = list(found)
    named = {"metadata": {"name": f"{of_node}-{part}"}, "spec": body}
    kube.request("POST", f"{RESOURCE}/resourceslices", named)


def request(of_class: str, **exactly: Any) -> Json:
    return {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": of_class, **exactly}}]}}


def template(kube: Kube, ns: str, name: str, spec: Json) -> None:
    """What makes a claim of its own for each pod."""
    body = {"metadata": {"name": name}, "spec": {"spec": spec}}
    kube.request("POST", f"{RESOURCE}/namespaces/{ns}/resourceclaimtemplates", body)


def alternatives(**classes: Json) -> Json:
    """A request for the first of these that there is, by the names of the alternatives."""
    named = [{"name": name, **asked} for name, asked in classes.items()]
    return {"devices": {"requests": [{"name": "gpu", "firstAvailable": named}]}}


def pod_group(kube: Kube, ns: str, name: str, template: str) -> None:
    """One whose pods have one claim of the template together."""
    claims = [{"name": "gpu", "resourceClaimTemplateName": template}]
    body = {"metadata": {"name": name}, "spec": {"schedulingPolicy": {"basic": {}}, "resourceClaims": claims}}
    kube.request("POST", f"{SCHEDULING}/namespaces/{ns}/podgroups", body)


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


def delete_pod(kube: Kube, ns: str, name: str) -> None:
    kube.request("DELETE", f"/api/v1/namespaces/{ns}/pods/{name}")


def evict(kube: Kube, ns: str, name: str) -> None:
    """What a drain does with each pod."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    kube.request("POST", f"/api/v1/namespaces/{ns}/pods/{name}/eviction", body)


def running(kube: Kube, ns: str) -> list[Json]:
    """Pods that run and were not asked to end."""
    found = items(kube, f"/api/v1/namespaces/{ns}/pods")
    return [
        p for p in found if p["status"].get("phase") == "Running" and "deletionTimestamp" not in p["metadata"]
    ]


def running_pods(kube: Kube, ns: str) -> list[str]:
    return [p["metadata"]["name"] for p in running(kube, ns)]


def claims(kube: Kube, ns: str) -> list[Json]:
    return items(kube, f"{RESOURCE}/namespaces/{ns}/resourceclaims")


def results(claim: Json) -> list[Json]:
    """What the scheduler gave."""
    allocation = claim.get("status", {}).get("allocation", {})
    found: list[Json] = allocation.get("devices", {}).get("results", [])
    return found
