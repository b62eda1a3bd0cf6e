"""Which card a device is a part of, where several devices of a pool are ways to cut one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping
from typing import NamedTuple

from collectors.kube_objects import Json, at, mapping, sequence, text

AMD_PARTITION = "amdgpu-partition"
_PASSED_THROUGH = "vfio"
"""A card for a virtual machine, offered beside the card itself."""
_PLACES = ("resource.kubernetes.io/pciBusID", "pcieBusID", "parentPciAddr", "pciAddr")
"""Under which drivers, by their versions, tell where on the bus a card, or that of a partition, is."""

Pool = tuple[str, str]
"""Driver and name."""
Key = tuple[str, str, str]
"""Driver, pool and name of a device."""


class Drawn(NamedTuple):
    """A device that consumes counters of a set."""

    identity: str
    counters: str
    """The set's name."""
    whole: bool
    """It consumes all of them."""


def told_card(attributes: Json, pool: Pool, kind: str) -> str:
    """The card as the driver names it; '' where it does not."""
    told = attribute(attributes, pool[0], "parentUUID")
    if told or kind != AMD_PARTITION:
        return told
    place = _place(attributes, pool[0])
    return "/".join((*pool, place)) if place else ""


def _place(attributes: Json, driver: str) -> str:
    return next((place for name in _PLACES if (place := attribute(attributes, driver, name))), "")


def passed_through(pool: Pool, attributes: Mapping[Key, Json], roots: Mapping[Key, str]) -> dict[str, str]:
    """By the root of a device that is passed through, that of the card at its place, if that is offered."""
    through = {key for key, told in attributes.items() if attribute(told, pool[0], "type") == _PASSED_THROUGH}
    places = {key: _place(told, pool[0]) for key, told in attributes.items()}
    there = {place: roots[key] for key, place in places.items() if place and key not in through}
    return {roots[key]: there[places[key]] for key in through if places[key] in there}


def drawn_from(consumes: object, sets: Container[str]) -> str:
    """The set of counters that a device consumes; '' where it is none, or several."""
    names = {text(at(one, "counterSet")) for one in sequence(consumes)}
    known = [name for name in names if name in sets]
    return known[0] if len(known) == 1 else ""


def cards(pool: Pool, drawn: Mapping[Key, Drawn]) -> dict[Key, str]:
    """The cards of devices that draw from one set: the one device that takes all of it, else the set itself.

    Without it each way to cut a card would be a card of the inventory, and be billed.
    """
    together: dict[str, list[Key]] = defaultdict(list)
    for key, device in drawn.items():
        together[device.counters].append(key)
    found: dict[Key, str] = {}
    for counters, keys in together.items():
        wholes = [drawn[key].identity for key in keys if drawn[key].whole]
        card = wholes[0] if len(wholes) == 1 else "/".join((*pool, counters))
        found |= {key: card for key in keys if drawn[key].identity != card}
    return found


def attribute(attributes: Json, driver: str, name: str) -> str:
    """A name without a domain belongs to the driver's; string and version values are text."""
    value = mapping(attributes.get(name) or attributes.get(f"{driver}/{name}"))
    return text(value.get("string")) or text(value.get("version"))
