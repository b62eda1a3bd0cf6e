"""A busy cluster: ten thousand pods with a GPU each, of Deployments on a hundred nodes, and their changes."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import requests

from pipeline.rig.kube.cluster import Kube
from tests.rig import cluster_objects as objects

PODS = 10_000
NODES = 100
CHANGERS = 4
WAIT_SECONDS = 900.0
GPU = "nvidia.com/gpu"


def fill(kube: Kube, *, pods: int = PODS, nodes: int = NODES) -> str:
    """Its namespace, once all pods run; one GPU each, as a device plugin gives it.

    Each Deployment names its node, so that the time is the API server's and not the scheduler's.
    """
    ns = objects.namespace(kube, {"team": "vision"})
    room = str(-(-pods // nodes))
    capacity = {"cpu": "256", "memory": "2Ti", "pods": room, GPU: room}
    names = [f"n{n:03}" for n in range(nodes)]
    objects.node(kube, *names, capacity=capacity)
    for n, name in enumerate(names):
        labels = {"app": f"model-{n}"}
        spec = {**objects.pod_spec(limits={GPU: "1"}), "nodeName": name}
        template = {"metadata": {"labels": labels}, "spec": spec}
        replicas = pods * (n + 1) // nodes - pods * n // nodes
        told = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        body = {"metadata": {"name": f"model-{n}"}, "spec": told}
        kube.request("POST", f"/apis/apps/v1/namespaces/{ns}/deployments", body)
    until_running(kube, ns, pods)
    return ns


def until_running(kube: Kube, ns: str, pods: int) -> None:
    at = f"/apis/apps/v1/namespaces/{ns}/deployments"

    def ready() -> bool:
        return sum(d.get("status", {}).get("readyReplicas", 0) for d in objects.items(kube, at)) == pods

    objects.until(ready, f"{pods} pods to run", seconds=WAIT_SECONDS)


def change(kube: Kube, ns: str, names: Iterable[str], version: str) -> None:
    """One change of each of these pods: an annotation, so that nothing else moves."""
    admin, local = kube.admin, threading.local()

    def patch(name: str) -> None:
        if not hasattr(local, "session"):
            local.session = requests.Session()
            local.session.trust_env = False
            local.session.verify = str(admin.ca)
            local.session.headers["Authorization"] = f"Bearer {admin.token}"
            local.session.headers["Content-Type"] = "application/merge-patch+json"
        at = f"{admin.server}/api/v1/namespaces/{ns}/pods/{name}"
        body = {"metadata": {"annotations": {"changed": version}}}
        local.session.patch(at, json=body, timeout=30).raise_for_status()

    with ThreadPoolExecutor(CHANGERS) as pool:
        for _ in pool.map(patch, names):
            pass


def pod_names(kube: Kube, ns: str, limit: int = 500) -> list[str]:
    """All of them, page by page."""
    found: list[str] = []
    at, more = f"/api/v1/namespaces/{ns}/pods?limit={limit}", ""
    while True:
        page = kube.request("GET", f"{at}&continue={more}" if more else at)
        found += [p["metadata"]["name"] for p in page["items"]]
        more = page["metadata"].get("continue", "")
        if not more:
            return found
