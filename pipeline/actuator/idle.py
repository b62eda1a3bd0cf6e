"""Scale an idle Deployment or StatefulSet to zero and back, through the scale subresource alone."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.actuator.kubernetes import ApiError, Kubernetes, Object, Resource
from pipeline.actuator.ladder.reading import priority_class
from pipeline.actuator.ownership import owner
from pipeline.actuator.steps import Step
from pipeline.canonical import canonical
from pipeline.policy.rules import Target

_PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets"}
KINDS = tuple(_PLURALS)


@dataclass(frozen=True, slots=True)
class Scaling:
    """From so many replicas of that very object to so many; the inverse is the same with both exchanged."""

    target: Target
    uid: str
    before: int
    after: int

    @property
    def inverse(self) -> Scaling:
        return Scaling(self.target, self.uid, self.after, self.before)


def plan(
    client: Kubernetes, target: Target, spare: frozenset[str] = frozenset()
) -> Scaling | Step | ApiError:
    """To zero; a Step refuses what must not be scaled, `spare` PriorityClasses among it.  Reads only."""
    thing = client.get(_resource(target), target.namespace, target.name)
    if isinstance(thing, ApiError):
        return thing
    owned_by = owner(thing)
    if owned_by:
        return Step("refused", f"owned: {owned_by.words}; change it at its source")
    name = priority_class(thing)
    if name in spare:
        return Step("refused", f"spared: its PriorityClass is {name or 'the default'}")
    replicas = int((thing["spec"]).get("replicas", 1))
    if replicas == 0:
        return Step("refused", "no_op: it has no replicas already")
    return Scaling(target, thing["metadata"]["uid"], replicas, 0)


def scale(client: Kubernetes, scaling: Scaling) -> Step | None:
    """One guarded patch: whoever scales it meanwhile wins.  Done before, nothing is written again.

    Failed where the server did not take it and the object is as it was.  None where the server does not
    answer: nobody knows whether it was done.
    """
    target, resource = scaling.target, _resource(scaling.target, "scale")
    patch = _patch(scaling)
    for dry_run in (True, False):
        answer = client.patch(resource, target.namespace, target.name, patch, dry_run=dry_run)
        if isinstance(answer, ApiError):
            return _unless_done(client, scaling, answer)
    words = f"{target.workload} went from {scaling.before} replicas to {scaling.after}"
    return Step("executed", words, canonical({"patch": patch, "uid": scaling.uid}))


def replicas(client: Kubernetes, target: Target) -> int | ApiError:
    """How many are wanted now."""
    thing = client.get(_resource(target), target.namespace, target.name)
    return thing if isinstance(thing, ApiError) else int(thing["spec"].get("replicas", 1))


def _patch(scaling: Scaling) -> list[Object]:
    """The server leaves zero replicas out of a scale, so there is nothing to test at their path."""
    tested: Object = (
        {"op": "test", "path": "/spec/replicas", "value": scaling.before}
        if scaling.before
        else {"op": "test", "path": "/spec", "value": {}}
    )
    return [
        {"op": "test", "path": "/metadata/uid", "value": scaling.uid},
        tested,
        {"op": "add", "path": "/spec/replicas", "value": scaling.after},
    ]


def _unless_done(client: Kubernetes, scaling: Scaling, answer: ApiError) -> Step | None:
    target = scaling.target
    thing = client.get(_resource(target), target.namespace, target.name)
    if isinstance(thing, ApiError):
        if thing.fault == "not_found":
            return Step("refused", "it is gone")
        return None if answer.is_unanswered else Step("failed", f"not_written: {answer.words}")
    held = (thing["metadata"]["uid"], int(thing["spec"].get("replicas", 1)))
    if held == (scaling.uid, scaling.after):
        return Step("executed", f"it has {scaling.after} replicas already; nothing is sent")
    if answer.is_unanswered or (held == (scaling.uid, scaling.before) and answer.fault == "conflict"):
        return None
    if held == (scaling.uid, scaling.before):
        return Step("failed", f"not_written: {answer.words}")
    return Step("refused", f"target_moved: {held[1]} replicas now; {answer.words}")


def _resource(target: Target, subresource: str = "") -> Resource:
    return Resource("apps", "v1", _PLURALS[target.kind], subresource)
