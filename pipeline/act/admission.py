"""Kueue's AdmissionCheck answered from the budget: Ready, or Retry while a ladder's step holds admission.

Kueue asks by a check of state Pending on a workload that has its quota.  A workload that runs is never
answered: Retry would evict it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from pipeline.act.step_records import open_steps
from pipeline.actuator.kubernetes import ApiError, Kubernetes, Object
from pipeline.actuator.ladder.reading import (
    CHECK_STATUS,
    CHECKS,
    WORKLOAD_STATUS,
    WORKLOADS,
    conditions,
    listed,
    workload_class,
)
from pipeline.policy.reading import past_steps
from pipeline.store import Store

CONTROLLER = "driftledger.io/budget"
"""spec.controllerName of the AdmissionChecks that are answered; their names begin with PREFIX."""
PREFIX = "driftledger"
MOST_SECONDS, LEAST_SECONDS = 300, 60
"""Between two questions for a workload that waits.

A hold may end early, and Kueue 0.19.2 keeps the quota of a workload reserved until it asks again.
"""


class Hold(NamedTuple):
    """Why workloads of a namespace wait, and until when at the latest."""

    words: str
    expires: datetime
    spare: frozenset[str] = frozenset()
    """PriorityClasses whose workloads are let in all the same."""


class Answer(NamedTuple):
    namespace: str
    workload: str
    state: str
    """Ready or Retry; what the API server said where it was not taken."""
    message: str


def holds(store: Store, cluster: str, now: datetime) -> dict[str, Hold]:
    """By namespace, those that a step of a ladder holds now."""
    found: dict[str, Hold] = {}
    for one in open_steps(store, past_steps(store)):
        if (one.past.kind, one.past.cluster) == ("hold_admission", cluster) and now < one.expires:
            spare, before = frozenset(one.plan.get("spare", ())), found.get(one.past.namespace)
            if before is not None:  # who is spared by both
                spare &= before.spare
            words = str(one.evidence["decision"]["detail"])
            found[one.past.namespace] = Hold(words, one.expires, spare)
    return found


def answer(
    client: Kubernetes, namespaces: tuple[str, ...], held: Mapping[str, Hold], now: datetime
) -> Iterator[Answer | ApiError]:
    """One answer a workload that asks, in these namespaces; faults are values, and it is asked again."""
    checks = listed(client, CHECKS, "")
    if isinstance(checks, ApiError):
        yield checks
        return
    ours = [c for c in checks if c["spec"].get("controllerName") == CONTROLLER]
    names = {n for c in ours if (n := str(c["metadata"]["name"])).startswith(PREFIX)}
    for check in ours:
        if check["metadata"]["name"] in names and isinstance(fault := _active(client, check, now), ApiError):
            yield fault
    for namespace in namespaces if names else ():
        workloads = listed(client, WORKLOADS, namespace)
        if isinstance(workloads, ApiError):
            yield workloads
            continue
        for workload in workloads:
            yield from _answered(client, workload, names, held.get(namespace), now)


def _answered(
    client: Kubernetes, workload: Object, names: set[str], hold: Hold | None, now: datetime
) -> Iterator[Answer | ApiError]:
    told, of = conditions(workload), workload_class(workload)
    spared = hold is not None and of in hold.spare
    if told.get("QuotaReserved") != "True" or "True" in (told.get("Admitted"), told.get("Finished")):
        return
    metadata = workload["metadata"]
    for place, check in enumerate((workload.get("status") or {}).get("admissionChecks") or ()):
        if check["name"] not in names or check["state"] != "Pending":
            continue
        said = _said(check, None if spared else hold, f"class {of} is spared" if spared else "", now)
        patch = _patch(metadata["uid"], place, check["name"], said)
        where = metadata["namespace"], metadata["name"]
        sent = client.patch(WORKLOAD_STATUS, *where, patch, dry_run=False)
        yield sent if isinstance(sent, ApiError) else Answer(*where, said["state"], said["message"])


def _said(check: Object, hold: Hold | None, why: str, now: datetime) -> Object:
    """The check with its answer; `why` it is let in, where that is not that nothing holds it."""
    said: Object = {
        "name": check["name"],
        "state": "Retry" if hold else "Ready",
        "message": hold.words if hold else why or "no budget holds it back",
        "lastTransitionTime": _time(now),
    }
    if hold:
        left = int((hold.expires - now).total_seconds())
        said["requeueAfterSeconds"] = max(LEAST_SECONDS, min(MOST_SECONDS, left))
    if "retryCount" in check:
        said["retryCount"] = check["retryCount"]
    return said


def _patch(uid: str, place: int, name: str, said: Object) -> list[Object]:
    """Only while that very workload still asks: Kueue may have taken its quota away meanwhile."""
    at = f"/status/admissionChecks/{place}"
    return [
        {"op": "test", "path": "/metadata/uid", "value": uid},
        {"op": "test", "path": f"{at}/name", "value": name},
        {"op": "test", "path": f"{at}/state", "value": "Pending"},
        {"op": "replace", "path": at, "value": said},
    ]


def _active(client: Kubernetes, check: Object, now: datetime) -> Object | ApiError | None:
    """Kueue uses a check once its controller says that it is there."""
    if conditions(check).get("Active") == "True":
        return None
    said = {
        "type": "Active", "status": "True", "reason": "Active", "message": "answered from the budget",
        "lastTransitionTime": _time(now),
    }  # fmt: skip
    others = [c for c in (check.get("status") or {}).get("conditions") or () if c["type"] != "Active"]
    patch = [
        {"op": "test", "path": "/metadata/uid", "value": check["metadata"]["uid"]},
        {"op": "add", "path": "/status", "value": {"conditions": [*others, said]}},
    ]
    return client.patch(CHECK_STATUS, "", check["metadata"]["name"], patch, dry_run=False)


def _time(now: datetime) -> str:
    return now.isoformat(timespec="seconds") + "Z"
