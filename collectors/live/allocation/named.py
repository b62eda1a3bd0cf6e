"""Devices of pods by the labels of NVIDIA's or AMD's exporter, where the kubelet does not tell them.

The exporter asks the kubelet itself, some time later: a pod of the same name before this one must not give
its device on, so what it tells counts only of a pod that was bound for a while, and where it tells the pod's
uid too, only of that one.

A MIG slice that the kubelet calls `MIG-uuid` is `GPU-uuid/instance` to the exporter, and so in what it did: a
container with one slice tells that they are one, and the exporter's name stands for all that have it later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from collectors.live.allocation.context import Context
from collectors.live.allocation.meta import SECOND
from collectors.live.allocation.pods import Asked, Pod

KIND = "names"
_SLICE = "MIG-"
GLOBAL = ("GPU-", _SLICE)
"""Names of NVIDIA's that are of one device in the world."""
_AMD = "amd.com/"
_EXPORTED = ("nvidia.com/", _AMD)
_SETTLED = 90 * SECOND
"""An exporter tells what it knew 30 s ago, and is scraped twice a minute."""

Told = Mapping[tuple[str, str, str, str], Mapping[str, int]]
"""Of a namespace, pod, container and the pod's uid ('' where it is not told): its devices, and when each was
last told (microseconds since 1970)."""


def learn(context: Context, told: Told) -> Iterator[str]:
    """Take up what is told of pods that lack names; gives their uids.  A name once known stays the pod's."""
    for pod in context.pods.values():
        if pod.bound is None or pod.ended:
            continue
        for asked in pod.asked:
            key = (asked.container, asked.resource)
            if _is_slice(asked):
                known = asked.given[0] in context.same
            else:
                known = bool(asked.given) or key in context.named.get(pod.uid, {})
            if known or not asked.resource.startswith(_EXPORTED):
                continue
            where = (pod.namespace, pod.name, asked.container)
            devices = {**told.get((*where, ""), {}), **told.get((*where, pod.uid), {})}
            fresh = sorted(d for d, at in devices.items() if at >= pod.bound + _SETTLED)
            is_alone = sum(one.container == asked.container for one in pod.asked) == 1
            if (
                is_alone
                and len(fresh) == asked.count
                and all(unique(d, asked.resource, pod.node) for d in fresh)
            ):
                if _is_slice(asked):
                    context.same[asked.given[0]] = fresh[0]
                else:
                    context.named.setdefault(pod.uid, {})[key] = tuple(fresh)
                yield pod.uid


def given(pod: Pod, asked: Asked, context: Context) -> tuple[str, ...]:
    """The names that the kubelet tells, a slice's as the exporter calls it where a pod told that; else those
    that were learned."""
    learned = context.named.get(pod.uid, {}).get((asked.container, asked.resource), ())
    return tuple(_exported(name, context.same) for name in asked.given) or learned


def _exported(name: str, same: Mapping[str, str]) -> str:
    device, mark, replica = name.partition("::")
    return f"{same.get(device, device)}{mark}{replica}"


def unique(name: str, resource: str, node: str) -> bool:
    """Whether an exporter's name is of one device in the world: AMD's is a serial, else node and number."""
    return name.startswith(GLOBAL) or (resource.startswith(_AMD) and not name.startswith(f"{node}/"))


def _is_slice(asked: Asked) -> bool:
    """Whether the kubelet names one slice of a card, whole."""
    return len(asked.given) == 1 and asked.given[0].startswith(_SLICE) and "::" not in asked.given[0]


def remember(context: Context, rows: Iterable[Mapping[str, Any]]) -> None:
    """After a restart what is open has the names that it had."""
    for row in sorted(rows, key=lambda row: str(row["place"])):
        resource, node = row.get("resource"), row.get("node") or ""
        if resource and row.get("slot") is None and unique(row["device"], resource, node):
            name = row["device"] + (f"::{row['share_id']}" if row.get("share_id") else "")
            of_pod = context.named.setdefault(row["consumer_uid"], {})
            key = (row["container"], row["resource"])
            of_pod[key] = (*of_pod.get(key, ()), name)
