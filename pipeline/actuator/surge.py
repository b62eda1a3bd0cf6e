"""Devices that one rollout of a namespace asks for beside those it holds, so that a freeze does not stop it.

A rolling update makes new pods before it ends old ones: under a quota at what is held, nothing would ever
roll again, a rollback neither.
"""

from __future__ import annotations

from collections import Counter
from math import ceil

from pipeline.actuator.devices_used import used
from pipeline.actuator.kubernetes import CLAIM_TEMPLATES, DEPLOYMENTS, ApiError, Kubernetes, Object, Resource

_ROLLOUTS = Resource("argoproj.io", "v1alpha1", "rollouts")
_USUAL = "25%"


def headroom(client: Kubernetes, namespace: str) -> Counter[str] | ApiError:
    """By quota name, for the one workload whose rollout needs the most of it."""
    found: list[Object] = []
    for resource in (DEPLOYMENTS, _ROLLOUTS):
        listed = client.list_all(resource, namespace)
        if isinstance(listed, ApiError):
            if listed.fault == "not_found":
                continue
            return listed
        found += listed
    templates = client.list_all(CLAIM_TEMPLATES, namespace) if found else []
    if isinstance(templates, ApiError):
        if templates.fault != "not_found":
            return templates
        templates = []  # a cluster without Dynamic Resource Allocation
    claims = {t["metadata"]["name"]: t["spec"] for t in templates}
    most: Counter[str] = Counter()
    for workload in found:
        most |= _needs(workload, claims)
    return most


def _needs(workload: Object, claims: dict[str, Object]) -> Counter[str]:
    pod = (workload["spec"].get("template") or {}).get("spec") or {}
    named = [c.get("resourceClaimTemplateName") for c in pod.get("resourceClaims") or ()]
    each = used([{"spec": pod}], [claims[n] for n in named if n in claims])
    pods = surge(workload["spec"])
    return Counter({name: count * pods for name, count in each.items()})


def surge(spec: Object) -> int:
    """Pods beyond its replicas that a rollout may make at once."""
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0
    way = strategy.get("rollingUpdate") or strategy.get("canary") or {}
    told = way.get("maxSurge", _USUAL)
    wanted = int(1 if spec.get("replicas") is None else spec["replicas"])
    text = str(told)
    return ceil(wanted * int(text.removesuffix("%")) / 100) if text.endswith("%") else int(text)
