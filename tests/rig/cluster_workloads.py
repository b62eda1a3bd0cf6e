"""Deployments and Jobs in a cluster: made, rolled out anew, scaled, and waited for."""

from __future__ import annotations

from pipeline.rig.kube.cluster import Kube
from tests.rig.cluster_objects import Json, running, until


def _path(ns: str, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{ns}/deployments/{name}".rstrip("/")


def deploy(kube: Kube, ns: str, name: str, spec: Json, replicas: int) -> None:
    """Back when all its pods run."""
    labels = {"app": name}
    told = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": spec},
    }
    kube.request("POST", _path(ns, ""), {"metadata": {"name": name}, "spec": told})
    settled(kube, ns, name, replicas)


def roll_out(kube: Kube, ns: str, name: str, version: str) -> None:
    """All pods replaced by others of another version; back when that is done."""
    before = {p["metadata"]["uid"] for p in pods(kube, ns, name)}
    template = {"metadata": {"annotations": {"version": version}}}
    replicas = kube.request("PATCH", _path(ns, name), {"spec": {"template": template}})["spec"]["replicas"]
    until(
        lambda: not before & {p["metadata"]["uid"] for p in pods(kube, ns, name)},
        f"{name} to be rolled out anew",
    )
    settled(kube, ns, name, replicas)


def scale(kube: Kube, ns: str, name: str, replicas: int) -> None:
    """Back when so many pods run."""
    kube.request("PATCH", _path(ns, name), {"spec": {"replicas": replicas}})
    settled(kube, ns, name, replicas)


def settled(kube: Kube, ns: str, name: str, replicas: int) -> None:
    until(lambda: len(pods(kube, ns, name)) == replicas, f"{replicas} pods of {name}")


def pods(kube: Kube, ns: str, name: str) -> list[Json]:
    """Those of a Deployment that run and were not asked to end."""
    return [p for p in running(kube, ns) if p["metadata"].get("labels", {}).get("app") == name]


def job(kube: Kube, ns: str, name: str, spec: Json) -> None:
    """A pod that ends well by itself; back when it has."""
    at = f"/apis/batch/v1/namespaces/{ns}/jobs"
    template = {"spec": {**spec, "restartPolicy": "Never"}}
    kube.request("POST", at, {"metadata": {"name": name}, "spec": {"template": template}})
    until(lambda: kube.request("GET", f"{at}/{name}")["status"].get("succeeded"), f"Job {name} to end")
