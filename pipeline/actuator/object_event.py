"""An Event (events.k8s.io/v1) on an object that was acted on, for whoever looks at it with kubectl."""

from __future__ import annotations

from datetime import datetime

from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.freeze import NAME as QUOTA
from pipeline.actuator.gitops_owner import RESOURCES as OWNERS
from pipeline.actuator.kubernetes import RESOURCE_QUOTAS, ApiError, Kubernetes, Object, Resource

EVENTS = Resource("events.k8s.io", "v1", "events")
CONTROLLER = "driftledger.io/actuator"
MOST_NOTE = 1_000
"""Bytes of a note; the server takes 1,024."""

_RESOURCES: dict[str, Resource] = {
    **{kind: target.resource for kind, target in TARGETS.items()},
    **OWNERS,
    "ResourceQuota": RESOURCE_QUOTAS,
}


def object_event(
    client: Kubernetes,
    namespace: str,
    kind: str,
    name: str,
    note: str,
    of: tuple[str, str, str],
    time: datetime,
) -> Object | ApiError:
    """`of` is the action's id, kind and state; told before, the Event is there and that is well.

    An Event stands in the namespace of its object, so of a whole namespace it stands on our quota's name.
    """
    action_id, action, state = of
    if kind == "Namespace":
        kind, name = "ResourceQuota", QUOTA
    regarding = _regarding(client, namespace, kind, name)
    body = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"driftledger-{action_id[:20]}-{state}", "namespace": namespace},
        "eventTime": time.isoformat(timespec="microseconds") + "Z",
        "reportingController": CONTROLLER,
        "reportingInstance": "driftledger",
        "action": action,
        "reason": f"Action{state.capitalize()}",
        "type": "Warning" if state == "failed" else "Normal",
        "regarding": regarding,
        "note": note.encode()[:MOST_NOTE].decode(errors="ignore"),
    }
    answer = client.create(EVENTS, namespace, body)
    there = isinstance(answer, ApiError) and answer.fault == "conflict" and "exists" in answer.message
    return {} if there else answer


def _regarding(client: Kubernetes, namespace: str, kind: str, name: str) -> Object:
    """The object, with its uid where it can be read: `kubectl describe` lists Events by that."""
    told = {"kind": kind, "name": name, "namespace": namespace}
    of = _RESOURCES.get(kind)
    if of is None:
        return told
    version = f"{of.group}/{of.version}" if of.group else of.version
    found = client.get(of, namespace, name)
    uid = {} if isinstance(found, ApiError) else {"uid": found["metadata"]["uid"]}
    return told | {"apiVersion": version} | uid
