"""Freeze a namespace: what holds devices keeps them, nothing more is given, until it is undone or expires.

The quota leaves room for the surge of one rollout, so that a rollback still rolls.

It is a ResourceQuota of our own.  Every quota of a namespace must allow a pod, so a team's own one is never
touched, and undoing is deleting ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pipeline.actuator.devices_used import names, used
from pipeline.actuator.kubernetes import (
    DEVICE_CLASSES,
    NODES,
    PODS,
    RESOURCE_CLAIMS,
    RESOURCE_QUOTAS,
    ApiError,
    Kubernetes,
    Object,
)
from pipeline.actuator.patching import ANNOTATION
from pipeline.actuator.steps import Step
from pipeline.actuator.surge import headroom
from pipeline.canonical import canonical, instant, moment

NAME = "driftledger-freeze"
EXPIRES = "driftledger.io/expires"


@dataclass(frozen=True, slots=True)
class Freeze:
    """What is to be written."""

    namespace: str
    hard: Mapping[str, int]


def plan(client: Kubernetes, namespace: str) -> Freeze | ApiError:
    """What the namespace holds now and the surge of one rollout, under every name of a device; reads only."""
    lists: list[list[Object]] = []
    for resource, where in (
        (NODES, ""),
        (DEVICE_CLASSES, ""),
        (PODS, namespace),
        (RESOURCE_CLAIMS, namespace),
    ):
        found = client.list_all(resource, where)
        if isinstance(found, ApiError):
            return found
        lists.append(found)
    nodes, classes, pods, claims = lists
    spare = headroom(client, namespace)
    if isinstance(spare, ApiError):
        return spare
    held = Counter(used(pods, claims)) + spare
    return Freeze(namespace, {name: held.get(name, 0) for name in {*names(nodes, classes), *held}})


def freeze(client: Kubernetes, wanted: Freeze, action_id: str, expires: datetime) -> Step | None:
    """Executed, or refused with the reason; done before, it is executed without a second write.

    None where the answer was lost and the object is not there to tell: the quota may still come.
    """
    body = _body(wanted, action_id, expires)
    for dry_run in (True, False):
        answer = client.create(RESOURCE_QUOTAS, wanted.namespace, body, dry_run=dry_run)
        if isinstance(answer, ApiError):
            return _unless_ours(client, wanted, action_id, answer, lost=answer.is_unanswered and not dry_run)
    what = f"{wanted.namespace} is held to the devices it has until {expires:%Y-%m-%d %H:%M}Z"
    return Step("executed", what, canonical({"quota": body["spec"]}))


def thaw(client: Kubernetes, namespace: str, now: datetime | None, action_id: str) -> Step | None:
    """End that freeze; with `now` only if it has expired by then.  None where it is to stay."""
    found = client.get(RESOURCE_QUOTAS, namespace, NAME)
    if isinstance(found, ApiError):
        gone = found.fault == "not_found"
        return Step("undone", "somebody has ended it already") if gone else None
    marks = found["metadata"].get("annotations") or {}
    if marks.get(ANNOTATION) != action_id:
        return Step("undone", "another freeze has taken its place")
    if now is not None and not _over(marks.get(EXPIRES, ""), now):
        return None
    ended = client.delete(RESOURCE_QUOTAS, namespace, NAME, found["metadata"]["uid"])
    if not isinstance(ended, ApiError):
        return Step("undone", f"{namespace} is given devices again")
    # Whatever went wrong, the next tick finds it still open and tries again.
    if ended.is_unanswered or ended.fault in ("conflict", "not_found"):
        return None
    return Step("failed", f"not ended, and tried again at each tick: {ended.words}")


def _over(expires: str, now: datetime) -> bool:
    """A time that somebody took away or made unreadable is over: no freeze is for ever."""
    try:
        return moment(expires) <= now
    except (ValueError, TypeError):
        return True


def _body(wanted: Freeze, action_id: str, expires: datetime) -> Object:
    marks = {ANNOTATION: action_id, EXPIRES: instant(expires)}
    hard = {name: str(count) for name, count in sorted(wanted.hard.items())}
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": NAME, "namespace": wanted.namespace, "annotations": marks},
        "spec": {"hard": hard},
    }


def _unless_ours(
    client: Kubernetes, wanted: Freeze, action_id: str, answer: ApiError, lost: bool
) -> Step | None:
    """A lost answer, or the same action again: the object itself tells."""
    found = client.get(RESOURCE_QUOTAS, wanted.namespace, NAME)
    if isinstance(found, ApiError):
        return None if lost else Step("refused", f"not_written: {answer.words}")
    if (found["metadata"].get("annotations") or {}).get(ANNOTATION) == action_id:
        return Step("executed", "the namespace already carries this action; nothing is sent")
    return Step("refused", f"frozen_already: {NAME} of another action is there")
