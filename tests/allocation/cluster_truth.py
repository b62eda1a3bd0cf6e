"""Which pod held which device from when to when, told by the API server's audit log alone.

An interval starts when a claim first names both the device and the pod, and ends when it no longer does: then
the scheduler may give the device to another.  It shares no code with the collectors that are held against it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.rig.kube.audit import Event

Json = dict[str, Any]


class Key(NamedTuple):
    claim_uid: str
    pod_uid: str
    device: str
    """driver/pool/device."""
    share: str
    """shareID, '' for a device that is not shared by capacity."""
    request: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Half-open; times are UTC without a zone, those at which the server had done the change."""

    claim_uid: str
    pod_uid: str
    device: str
    share: str
    request: str
    namespace: str
    claim: str
    pod: str
    admin: bool
    """Only watched: no other is kept from the device, and nobody pays."""
    start: datetime
    end: datetime | None = None
    """None while it lasts."""
    pod_end: datetime | None = None
    """When the pod itself had ended or was gone; a moment before `end`, None where it outlives the hold."""


def holds(events: Iterable[Event], version: int | None = None) -> list[Hold]:
    """All of them, in the order of their starts; as of one resourceVersion, or as of the whole log."""
    done: list[Hold] = []
    open_: dict[Key, Hold] = {}
    pod_ends: dict[str, datetime] = {}
    # The log is in the order of the answers: of two changes at once the later may come first.
    for event, one in sorted(_objects(events), key=lambda pair: _version(pair[1])):
        if version is not None and _version(one) > version:
            break
        metadata = one.get("metadata", {})
        if event.resource == "pods" and _ended(event, one):
            pod_ends.setdefault(metadata["uid"], event.done)
        elif event.resource == "resourceclaims" and metadata.get("uid"):
            uid, now = metadata["uid"], dict(_named(one, event)) if not _gone(event, one) else {}
            for key in [k for k in open_ if k.claim_uid == uid and k not in now]:
                done.append(replace(open_.pop(key), end=event.done))
            open_ |= {key: hold for key, hold in now.items() if key not in open_}
    told = [replace(h, pod_end=pod_ends.get(h.pod_uid)) for h in (*done, *open_.values())]
    return sorted(told, key=lambda h: (h.start, h.device, h.pod_uid))


def plugin_holds(events: Iterable[Event], resource: str) -> list[Hold]:
    """One for each pod that asks for `resource`: from its binding until it had ended or was gone."""
    bound: dict[tuple[str, str], datetime] = {}
    pods: dict[str, Json] = {}
    ends: dict[str, datetime] = {}
    for event in events:
        if event.resource == "pods" and event.subresource == "binding":
            bound[event.namespace, event.name] = event.done
    for event, one in _objects(events):
        if event.resource == "pods" and resource in _limits(one):
            pods[one["metadata"]["uid"]] = one
            if _ended(event, one):
                ends.setdefault(one["metadata"]["uid"], event.done)
    return [
        Hold("", uid, resource, "", "", meta["namespace"], "", meta["name"], False, start, ends.get(uid))
        for uid, meta in ((uid, one["metadata"]) for uid, one in pods.items())
        if (start := bound.get((meta["namespace"], meta["name"]))) is not None
    ]


def _limits(pod: Json) -> set[str]:
    containers = pod.get("spec", {}).get("containers", [])
    return {name for c in containers for name in c.get("resources", {}).get("limits", {})}


def write(found: Iterable[Hold], file: Path) -> None:
    """One JSON object a line; times as ISO 8601."""
    names = Hold.__slots__
    with file.open("w") as lines:
        for hold in found:
            lines.write(json.dumps({name: getattr(hold, name) for name in names}, default=str) + "\n")


def named_now(claims: Iterable[Json]) -> set[Key]:
    """The same from claims as the API lists them."""
    return {key for claim in claims for key, _ in _places(claim)}


def key(hold: Hold) -> Key:
    return Key(hold.claim_uid, hold.pod_uid, hold.device, hold.share, hold.request)


def _objects(events: Iterable[Event]) -> Iterator[tuple[Event, Json]]:
    """A request that deletes many answers with a list."""
    for event in events:
        if event.resource in ("pods", "resourceclaims"):
            for one in event.object.get("items", [event.object]):
                if "resourceVersion" in one.get("metadata", {}):
                    yield event, one


def _version(one: Json) -> int:
    return int(one["metadata"]["resourceVersion"])


def _gone(event: Event, one: Json) -> bool:
    """Whether the object is there no more, rather than told to go."""
    metadata = one["metadata"]
    if event.verb.startswith("delete"):
        return not metadata.get("finalizers") and not metadata.get("deletionGracePeriodSeconds")
    return "deletionTimestamp" in metadata and not metadata.get("finalizers") and event.resource != "pods"


def _ended(event: Event, one: Json) -> bool:
    return one.get("status", {}).get("phase") in ("Succeeded", "Failed") or _gone(event, one)


def _named(claim: Json, event: Event) -> Iterator[tuple[Key, Hold]]:
    metadata = claim["metadata"]
    for key, (result, pod) in _places(claim):
        yield (
            key,
            Hold(
                *key,
                namespace=metadata["namespace"],
                claim=metadata["name"],
                pod=pod["name"],
                admin=bool(result.get("adminAccess")),
                start=event.done,
            ),
        )


def _places(claim: Json) -> Iterator[tuple[Key, tuple[Json, Json]]]:
    status = claim.get("status", {})
    for result in status.get("allocation", {}).get("devices", {}).get("results", []):
        device = "/".join(result[name] for name in ("driver", "pool", "device"))
        share, request = result.get("shareID", ""), result["request"]
        for pod in status.get("reservedFor", []):
            yield Key(claim["metadata"]["uid"], pod["uid"], device, share, request), (result, pod)
