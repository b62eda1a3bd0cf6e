"""Devices that one rollout of a namespace asks for beside those it holds, so that a freeze does not stop it.

A rolling update makes new pods before it ends old ones: under a quota at what is held, nothing would ever
roll again, a rollback neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from math import ceil

from pipeline.actuator.devices_used import of_pods, used
from pipeline.actuator.kubernetes import (
    CLAIM_TEMPLATES,
    DAEMON_SETS,
    DEPLOYMENTS,
    ROLLOUTS,
    ApiError,
    Kubernetes,
    Object,
)

_USUAL = "25%"


def headroom(client: Kubernetes, namespace: str, spare: Collection[str] = ()) -> Counter[str] | ApiError:
    """By quota name, for the one workload whose rollout needs the most of it.

    Pods of the classes `spare`, as templates name them, are given devices anyhow; their claims are counted.
    """
    found: list[Object] = []
    for resource in (DEPLOYMENTS, DAEMON_SETS, ROLLOUTS):
        listed = client.list_all(resource, namespace)
        if isinstance(listed, ApiError):
            if listed.fault == "not_found":
                continue
            return listed
        found += listed
    claims = claim_templates(client, namespace) if found else {}
    if isinstance(claims, ApiError):
        return claims
    most: Counter[str] = Counter()
    for workload in found:
        pod = (workload["spec"].get("template") or {}).get("spec") or {}
        free = spare and (pod.get("priorityClassName") or "") in spare
        wanted = needs(workload, claims)
        most |= Counter({n: c for n, c in wanted.items() if not (free and of_pods(n))})
    return most


def claim_templates(client: Kubernetes, namespace: str) -> dict[str, Object] | ApiError:
    """Spec by name; none in a cluster without Dynamic Resource Allocation."""
    templates = client.list_all(CLAIM_TEMPLATES, namespace)
    if isinstance(templates, ApiError):
        return {} if templates.fault == "not_found" else templates
    return {t["metadata"]["name"]: t["spec"] for t in templates}


def needs(workload: Object, claims: Mapping[str, Object]) -> Counter[str]:
    """Devices of its surge by quota name; `claims` are the namespace's claim templates."""
    pod = (workload["spec"].get("template") or {}).get("spec") or {}
    named = [c.get("resourceClaimTemplateName") for c in pod.get("resourceClaims") or ()]
    each = used([{"spec": pod}], [claims[n] for n in named if n in claims])
    pods = surge(workload)
    return Counter({name: count * pods for name, count in each.items()})


def surge(workload: Object) -> int:
    """Pods beyond those that it has which a rollout may make at once; a StatefulSet makes none."""
    spec = workload["spec"]
    if "updateStrategy" in spec:
        return _of_nodes(workload)
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0
    way = strategy.get("rollingUpdate") or strategy.get("canary") or {}
    wanted = int(1 if spec.get("replicas") is None else spec["replicas"])
    return _share(way.get("maxSurge", _USUAL), wanted)


def _of_nodes(workload: Object) -> int:
    """A DaemonSet surges by the nodes that it wants a pod on, if it is told to at all."""
    way = workload["spec"]["updateStrategy"].get("rollingUpdate") or {}
    wanted = int((workload.get("status") or {}).get("desiredNumberScheduled") or 0)
    return _share(way.get("maxSurge") or 0, wanted)


def _share(told: object, of: int) -> int:
    text = str(told)
    return ceil(of * int(text.removesuffix("%")) / 100) if text.endswith("%") else int(text)
