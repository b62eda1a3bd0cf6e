"""Freeze a namespace: what holds devices keeps them, nothing more is given, until it is undone or expires.

The quota leaves room for the surge of one rollout, so that a rollback still rolls.

It is a ResourceQuota of our own.  Every quota of a namespace must allow a pod, so a team's own one is never
touched, and undoing is deleting ours.  With classes that are spared there are two: one of pods, which have a
class, and one of claims, which have none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from pipeline.actuator.devices_used import names, of_pods, used
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

NAME, CLAIMS = "driftledger-freeze", "driftledger-freeze-claims"
NAMES = (NAME, CLAIMS)
EXPIRES = "driftledger.io/expires"


@dataclass(frozen=True, slots=True)
class Freeze:
    """What is to be written."""

    namespace: str
    hard: Mapping[str, int]
    spare: tuple[str, ...] = ()
    """PriorityClasses whose pods are given devices all the same; claims are of no class, and wait."""

    @property
    def specs(self) -> dict[str, Object]:
        """Of each quota, by its name."""
        hard = {name: str(count) for name, count in sorted(self.hard.items())}
        if not self.spare:
            return {NAME: {"hard": hard}}
        others = {"scopeName": "PriorityClass", "operator": "NotIn", "values": sorted(self.spare)}
        pods = {name: count for name, count in hard.items() if of_pods(name)}
        claims = {name: count for name, count in hard.items() if not of_pods(name)}
        found = {NAME: {"hard": pods, "scopeSelector": {"matchExpressions": [others]}}} if pods else {}
        return found | ({CLAIMS: {"hard": claims}} if claims else {})


def plan(client: Kubernetes, namespace: str, spare: Collection[str] = ()) -> Freeze | ApiError:
    """What the namespace holds now and the surge of one rollout, under every name of a device; reads only.

    `spare` are classes as pod templates name them, '' where the default is one.
    """
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
    room = headroom(client, namespace, spare)
    if isinstance(room, ApiError):
        return room
    counted = [pod for pod in pods if not (spare and (pod["spec"].get("priorityClassName") or "") in spare)]
    held = Counter(used(counted, claims)) + room
    hard = {name: held.get(name, 0) for name in {*names(nodes, classes), *held}}
    return Freeze(namespace, hard, tuple(sorted(filter(None, spare))))


def freeze(client: Kubernetes, wanted: Freeze, action_id: str, expires: datetime) -> Step | None:
    """Executed, or refused with the reason; done before, it is executed without a second write.

    None where the answer was lost and the object is not there to tell: the quota may still come.  None too
    where one of two is there and the other was refused: the next tick goes on, or ends what there is.
    """
    bodies = [_body(wanted.namespace, *named, action_id, expires) for named in wanted.specs.items()]
    ours: set[str] = set()
    sent = 0
    for dry_run in (True, False):
        for body in bodies:
            name = body["metadata"]["name"]
            if name in ours:
                continue
            answer = client.create(RESOURCE_QUOTAS, wanted.namespace, body, dry_run=dry_run)
            if not isinstance(answer, ApiError):
                sent += not dry_run
                continue
            lost = answer.is_unanswered and not dry_run
            told = _unless_ours(client, wanted.namespace, name, action_id, answer, lost)
            if told != _OURS:
                return None if sent or (ours and not dry_run) else told
            ours.add(name)
    if not sent:
        return _OURS
    what = f"{wanted.namespace} is held to the devices it has until {expires:%Y-%m-%d %H:%M}Z"
    if wanted.spare:
        what += f", pods of {', '.join(wanted.spare)} are not"
    quotas = [body["spec"] for body in bodies]
    return Step("executed", what, canonical({"quota": quotas[0]} if len(quotas) == 1 else {"quotas": quotas}))


def thaw(client: Kubernetes, namespace: str, now: datetime | None, action_id: str) -> Step | None:
    """End that freeze; with `now` only if it has expired by then.  None where it is to stay."""
    steps = [_thawed(client, namespace, name, now, action_id) for name in NAMES]
    ended = [step for step in steps if step is not None]
    if len(ended) < len(steps):
        return next((step for step in ended if step.state == "failed"), None)
    return max(ended, key=lambda step: (step.state == "failed", step != _GONE))


_GONE = Step("undone", "somebody has ended it already")
_OURS = Step("executed", "the namespace already carries this action; nothing is sent")


def _thawed(
    client: Kubernetes, namespace: str, name: str, now: datetime | None, action_id: str
) -> Step | None:
    found = client.get(RESOURCE_QUOTAS, namespace, name)
    if isinstance(found, ApiError):
        return _GONE if found.fault == "not_found" else None
    marks = found["metadata"].get("annotations") or {}
    if marks.get(ANNOTATION) != action_id:
        return Step("undone", "another freeze has taken its place")
    if now is not None and not _over(marks.get(EXPIRES, ""), now):
        return None
    ended = client.delete(RESOURCE_QUOTAS, namespace, name, found["metadata"]["uid"])
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


def _body(namespace: str, name: str, spec: Object, action_id: str, expires: datetime) -> Object:
    marks = {ANNOTATION: action_id, EXPIRES: instant(expires)}
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": name, "namespace": namespace, "annotations": marks},
        "spec": spec,
    }


def _unless_ours(
    client: Kubernetes, namespace: str, name: str, action_id: str, answer: ApiError, lost: bool
) -> Step | None:
    """A lost answer, or the same action again: the object itself tells."""
    found = client.get(RESOURCE_QUOTAS, namespace, name)
    if isinstance(found, ApiError):
        return None if lost else Step("refused", f"not_written: {answer.words}")
    if (found["metadata"].get("annotations") or {}).get(ANNOTATION) == action_id:
        return _OURS
    return Step("refused", f"frozen_already: {name} of another action is there")
