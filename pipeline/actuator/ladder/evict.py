"""Pods that hold devices are evicted, the lowest priority first; disruption budgets are honoured.

Only pods that a controller makes again.  With the namespace frozen or suspended they wait until that is put
back, which is the way back from this step too.
"""

from __future__ import annotations

from datetime import datetime

from pipeline.actuator.devices_used import used
from pipeline.actuator.kubernetes import PODS, RESOURCE_CLAIMS, ApiError, Kubernetes, Object
from pipeline.actuator.ladder.contract import Plan, Scope
from pipeline.actuator.ladder.reading import listed
from pipeline.actuator.steps import Step
from pipeline.actuator.stuck_pods import evicted
from pipeline.canonical import canonical

_MAKERS = ("ReplicaSet", "StatefulSet", "Job")


def plan(client: Kubernetes, scope: Scope) -> Plan | ApiError:
    pods = listed(client, PODS, scope.namespace)
    claims = listed(client, RESOURCE_CLAIMS, scope.namespace)
    if isinstance(pods, ApiError):
        return pods
    if isinstance(claims, ApiError):
        return claims
    held = {r["uid"] for c in claims for r in (c.get("status") or {}).get("reservedFor") or ()}
    found = [p for p in pods if _comes_back(p) and _holds(p, held) and not _spared(p, scope)]
    found.sort(key=lambda p: (int(p["spec"].get("priority") or 0), str(p["metadata"]["name"])))
    wanted = [
        {"name": p["metadata"]["name"], "namespace": scope.namespace, "uid": p["metadata"]["uid"]}
        for p in found[: scope.most]
    ]
    return {"pods": wanted} if wanted else {}


def carry_out(client: Kubernetes, plan: Plan, action_id: str, expires: datetime) -> Step | None:
    gone: list[str] = []
    left: dict[str, str] = {}
    for pod in plan["pods"]:
        answer = evicted(client, {"metadata": pod})
        if not isinstance(answer, ApiError) or answer.fault in ("not_found", "conflict"):
            gone.append(pod["name"])  # a uid that is not there any more has been evicted before
        elif answer.is_unanswered:
            return None
        else:
            left[pod["name"]] = answer.words
    words = f"evicted {', '.join(gone) or 'none'}"
    if left:
        words += "; left: " + "; ".join(f"{name}: {why}" for name, why in left.items())
    return Step("executed" if gone else "refused", words, canonical({"evicted": gone, "left": left}))


def holds(client: Kubernetes, plan: Plan, action_id: str) -> Step | None:
    """Once none of them is ending; who is there and does not end was left, as by a disruption budget."""
    pods = listed(client, PODS, plan["pods"][0]["namespace"])
    if isinstance(pods, ApiError):
        return None
    ends = {p["metadata"]["uid"]: "deletionTimestamp" in p["metadata"] for p in pods}
    here = [ends[p["uid"]] for p in plan["pods"] if p["uid"] in ends]
    if any(here):
        return None
    left = f", {len(here)} were left" if here else ""
    return Step("verified", f"{len(plan['pods']) - len(here)} pods are gone{left}")


def put_back(client: Kubernetes, plan: Plan, action_id: str) -> Step | None:
    return Step("undone", "the pods' controllers make them again as quotas allow")


def _comes_back(pod: Object) -> bool:
    makers = [r for r in pod["metadata"].get("ownerReferences") or () if r.get("controller")]
    ends = "deletionTimestamp" in pod["metadata"]
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return any(r.get("kind") in _MAKERS for r in makers) and not ends and not ended


def _holds(pod: Object, held: set[str]) -> bool:
    return bool(sum(used([pod], []).values())) or pod["metadata"]["uid"] in held


def _spared(pod: Object, scope: Scope) -> bool:
    return str(pod["spec"].get("priorityClassName") or "") in scope.spare
