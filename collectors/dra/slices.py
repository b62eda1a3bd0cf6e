"""ResourceSlices as an inventory of devices; a pool counts only when it is complete."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from collectors.dra.cards import (
    AMD_PARTITION,
    Drawn,
    Key,
    Pool,
    attribute,
    cards,
    drawn_from,
    passed_through,
    told_card,
)
from collectors.dra.drivers import left_out
from collectors.dra.shares import WHOLE, Share, amounts, counter_sets, mig_share, partition_share
from collectors.kube_objects import Json, at, mapping, sequence, text
from pipeline.wire import mig

_KEEP_OFF = ("NoSchedule", "NoExecute")
"""Effects of a device's taint that keep claims off it."""

_OF_A_NAME = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab]", re.IGNORECASE)
"""A UUID that the driver made of a name (RFC 9562, version 5), which no exporter knows: AMD's of a card's
kind and number, NVIDIA's for passing through of the place on the bus, both the same on all nodes."""
_MODELS = ("productName", "model", "accelerator", "tpuGen")
"""What drivers call the model: NVIDIA's, most others, Google's for TPUs by its versions."""


class Device(NamedTuple):
    identity: str
    """The vendor's UUID, by which exporters know the device, else driver/pool/device."""
    node: str
    parent: str
    uuid: str
    gpu_model: str
    profile: str
    capacity: dict[str, Fraction]
    share: Share
    """What part of a physical device it is."""
    method: str
    tainted: bool = False
    """Its driver, or an administrator, says that it must not be allocated."""

    def columns(self, driver: str, pool: str) -> dict[str, Any]:
        """Those of the event `device` that follow from its slice."""
        memory = self.capacity.get("memory")
        return {
            "node": self.node or None,
            "device": self.identity,
            "parent_device": self.parent or None,
            "driver": driver,
            "pool": pool,
            "uuid": self.uuid or None,
            "gpu_model": self.gpu_model or None,
            "mig_profile": self.profile or None,
            "memory_bytes": float(memory) if memory is not None else None,
        }


@dataclass(slots=True)
class Inventory:
    """Devices of the complete pools, and each pool's newest generation."""

    devices: dict[Key, Device] = field(default_factory=dict)
    newest: dict[Pool, int] = field(default_factory=dict)
    complete: set[Pool] = field(default_factory=set)

    def refusal(self, driver: str, pool: Pool, generation: int) -> str | None:
        """Why devices of a slice are left out, by name; None where they are taken."""
        if other := left_out(driver):
            return other
        if generation < self.newest.get(pool, 0):
            return "pool_generation_superseded"
        return None if pool in self.complete else "pool_incomplete"


def inventory(slices: Iterable[Json]) -> Inventory:
    """Trusts a pool when as many slices of its newest generation are seen as it says that it has."""
    pools: dict[Pool, list[Json]] = defaultdict(list)
    for item in slices:
        pools[pool_of(item)].append(item)
    found = Inventory()
    for pool, members in pools.items():
        newest = max(generation(m) for m in members)
        current = [m for m in members if generation(m) == newest]
        found.newest[pool] = newest
        if len({_slice_name(m) for m in current}) == at(current[0], "spec", "pool", "resourceSliceCount"):
            found.complete.add(pool)
            if left_out(pool[0]) is None:
                found.devices |= _devices(pool, current)
    return found


def pool_of(item: Json) -> Pool:
    return text(at(item, "spec", "driver")), text(at(item, "spec", "pool", "name"))


def generation(item: Json) -> int:
    number = at(item, "spec", "pool", "generation")
    return number if isinstance(number, int) else 0


def _slice_name(item: Json) -> object:
    return text(at(item, "metadata", "name")) or text(at(item, "metadata", "uid")) or id(item)


def _devices(pool: Pool, members: list[Json]) -> dict[Key, Device]:
    sets: dict[str, dict[str, Fraction]] = {}
    for member in members:
        sets |= counter_sets(at(member, "spec", "sharedCounters"))
    entries = {
        (*pool, text(mapping(entry).get("name"))): (member, mapping(entry))
        for member in members
        for entry in sequence(at(member, "spec", "devices"))
    }
    attributes = {key: mapping(_body(entry).get("attributes")) for key, (_, entry) in entries.items()}
    told = Counter(attribute(one, pool[0], "uuid") for one in attributes.values())
    devices = {key: _device(pool, member, entry, sets, told) for key, (member, entry) in entries.items()}
    drawn = {
        key: Drawn(devices[key].identity, counters, devices[key].share.held == devices[key].share.whole)
        for key, (_, entry) in entries.items()
        if not devices[key].parent and (counters := drawn_from(_body(entry).get("consumesCounters"), sets))
    }
    devices |= {key: devices[key]._replace(parent=card) for key, card in cards(pool, drawn).items()}
    roots = {key: one.parent or one.identity for key, one in devices.items()}
    same = passed_through(pool, attributes, roots)
    return {key: _of_card(one, same.get(roots[key], roots[key])) for key, one in devices.items()}


def _of_card(one: Device, card: str) -> Device:
    return one._replace(parent="" if card == one.identity else card)


def _body(entry: Json) -> Json:
    """v1beta1 and before wrap attributes and capacity in `basic`."""
    return mapping(entry.get("basic")) or entry


def _device(
    pool: Pool,
    member: Json,
    entry: Json,
    sets: Mapping[str, Mapping[str, Fraction]],
    told: Mapping[str, int],
) -> Device:
    """`told`: how many devices of the pool have a UUID; one that several have names none of them."""
    body = _body(entry)
    attributes = mapping(body.get("attributes"))
    kind = attribute(attributes, pool[0], "type")
    uuid = attribute(attributes, pool[0], "uuid")
    uuid = uuid if told[uuid] == 1 and not _OF_A_NAME.match(uuid) else ""
    model = next((name for field in _MODELS if (name := attribute(attributes, pool[0], field))), "")
    profile = _profile(attributes, pool[0], kind)
    part = partition_share(body.get("consumesCounters"), sets)
    if kind in ("mig", AMD_PARTITION) and (part is None or mig.is_profile(profile)):
        part = mig_share(profile, model)  # as of a slice that a device plugin gives: the same money
    whole = part is None or part.held == part.whole
    return Device(
        identity=uuid or "/".join((*pool, text(entry.get("name")))),
        node=text(at(member, "spec", "nodeName")) or text(body.get("nodeName")),
        parent=told_card(attributes, pool, kind),
        uuid=uuid,
        gpu_model=model,
        profile=profile,
        capacity=amounts(body.get("capacity")),
        share=part or WHOLE,
        method="mig" if kind == "mig" else "whole" if whole else "dra-partition",
        tainted=any(mapping(t).get("effect") in _KEEP_OFF for t in sequence(body.get("taints"))),
    )


def _profile(attributes: Json, driver: str, kind: str) -> str:
    """Of a part of a card; AMD's driver names one of whole cards too, which says that they are not cut."""
    if kind == AMD_PARTITION:
        return attribute(attributes, driver, "partitionProfile")
    profile = attribute(attributes, driver, "profile")
    return profile if kind == "mig" or mig.is_profile(profile) else ""
