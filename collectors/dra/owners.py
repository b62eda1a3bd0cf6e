"""Which workload a consumer belongs to, along the owner references of the objects at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from collectors.kube_objects import Json, at, owner, text

OWNING = frozenset({"Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"})
_LONGEST_CHAIN = 8

Owners = Mapping[str, Json]
"""uid to object."""


def owners_of(objects: Iterable[Json]) -> dict[str, Json]:
    return {uid: o for o in objects if o["kind"] in OWNING if (uid := text(at(o, "metadata", "uid")))}


def workload(kind: str, name: str, uid: str, owners: Owners) -> str:
    """Kind/name of the last known owner: the object itself where nothing about it is known."""
    for _ in range(_LONGEST_CHAIN):
        above = owner(owners.get(uid, {}))
        if above is None:
            break
        kind, name, uid = above
    return f"{kind}/{name}"
