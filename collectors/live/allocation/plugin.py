"""The devices that a pod has from a device plugin or from HAMi, as rows that are wanted open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from collectors.live.allocation import beside, hami
from collectors.live.allocation.book import Row
from collectors.live.allocation.context import Context
from collectors.live.allocation.named import GLOBAL, given
from collectors.live.allocation.nodes import Node
from collectors.live.allocation.pods import Asked, Pod

_MIG = re.compile(r"nvidia\.com/mig-(.+?)(\.shared)?")


class Named(NamedTuple):
    """A device as exporters name it, and which of its replicas."""

    device: str
    replica: str


def named(identity: str, node: str, shared: int = 1) -> Named:
    """`GPU-uuid::3` is replica 3 of GPU-uuid; so is `GPU-uuid-3` of AWS's plugin, and `card0-3` of Intel's of
    card0, where `shared` are one.  A plugin's name that is no uuid is unique on its node only."""
    device, _, replica = identity.partition("::")
    whole, _, number = device.rpartition("-")
    # the end of a uuid may be a number too, yet none so small
    if whole and not replica and number in map(str, range(shared if shared > 1 else 0)):
        device, replica = whole, number
    return Named(device if device.startswith(GLOBAL) or not node else f"{node}/{device}", replica)


def profile(resource: str, node: Node | None) -> str:
    """MIG profile behind a resource; '' for a whole device."""
    match = _MIG.fullmatch(resource)
    if match:
        return match[1]
    return node.slice if node and resource.startswith("nvidia.com/gpu") else ""


def replicas(resource: str, node: Node | None) -> int:
    """How many share a device of this resource, as the setting says, else NVIDIA's label of all its own."""
    if node is None:
        return 1
    of_label = node.replicas if resource.startswith("nvidia.com/") else 1
    return dict(node.shared).get(resource, of_label)


Slots = dict[tuple[str, str], dict[str, int]]
"""Of a node and a resource: the numbers of devices without a name, by who has them."""


def wanted(pod: Pod, context: Context, slots: Slots) -> Iterator[Row]:
    """Rows of all its devices; one without a name takes the lowest free number of `slots`."""
    node = context.nodes.get(pod.node)
    if node is None:
        context.missing.add(pod.node)
    common: Row = {
        "consumer_uid": pod.uid, "pod": pod.name, "node": pod.node, "start": pod.bound,
        "start_quality": "exact" if pod.bound is not None else "observed", "admin_access": False,
    } | context.who(pod)  # fmt: skip
    if node is not None:
        yield from (common | row for row in beside.of_pod(pod.requests, pod.node, node.sizes))
    if pod.hami:
        yield from (common | row for row in _of_hami(pod, node))
        return
    for asked in pod.asked:
        if context.of_a_claim(pod, asked.resource):
            continue
        names = given(pod, asked, context)
        for number in range(asked.count):
            yield common | _device(pod, asked, number, names, node, slots)


def _device(
    pod: Pod, asked: Asked, number: int, names: tuple[str, ...], node: Node | None, slots: Slots
) -> Row:
    shared = replicas(asked.resource, node)
    place = f"{asked.container}/{asked.resource}/{number}"
    slot: int | None = None
    if number < len(names):
        name = named(names[number], pod.node if asked.given else "", shared)
    else:
        slot = _slot(slots.setdefault((pod.node, asked.resource), {}), f"{pod.uid}/{place}")
        replica = str(slot % shared) if shared > 1 else ""
        name = Named(f"{pod.node}/{asked.resource}/{slot // shared}", replica)
    return {
        "place": place,
        "resource": asked.resource,
        "slot": slot,
        "container": asked.container,
        "device": name.device,
        "share_id": name.replica or None,
        "method": _method(asked.resource, node, shared),
        "share_units": 1,
        "device_units": shared,
    }


def _method(resource: str, node: Node | None, shared: int) -> str:
    if shared > 1:
        told = node.labels.get("nvidia.com/gpu.sharing-strategy") if node else None
        return "mps" if told == "mps" else "time-slicing"
    return "mig" if profile(resource, node) else "whole"


def restored(rows: Iterator[Row]) -> Slots:
    """The numbers that open rows have."""
    slots: Slots = {}
    for row in rows:
        if row.get("slot") is not None:
            taken = slots.setdefault((row["node"], row["resource"]), {})
            taken[f"{row['consumer_uid']}/{row['place']}"] = row["slot"]
    return slots


def free(slots: Slots, closed: list[Row]) -> None:
    """Give back the numbers of rows that ended."""
    for row in closed:
        if row.get("slot") is not None and "end" in row:
            slots.get((row["node"], row["resource"]), {}).pop(f"{row['consumer_uid']}/{row['place']}", None)


def _slot(taken: dict[str, int], who: str) -> int:
    """The lowest that is free; who has one keeps it."""
    if who not in taken:
        numbers = set(taken.values())
        taken[who] = next(n for n in range(len(numbers) + 1) if n not in numbers)
    return taken[who]


def _of_hami(pod: Pod, node: Node | None) -> Iterator[Row]:
    memory = {r.uuid: r.memory for r in node.hami} if node else {}
    number = 0
    for text in pod.hami:
        for part in hami.parts(text) or ():
            held, whole = hami.share(part, memory.get(part.uuid, 0))
            known = part.container < len(pod.containers)
            yield {
                "place": f"hami/{number}",
                "container": pod.containers[part.container] if known else None,
                "device": named(part.uuid, pod.node).device,
                "share_id": None,
                "method": "whole" if held == whole else "time-slicing",
                "share_units": held,
                "device_units": whole,
            }
            number += 1
