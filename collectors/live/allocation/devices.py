"""The inventory: devices of DRA pools, and those that a node's plugins offer, as rows wanted open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from collectors.device_products import product
from collectors.dra.cards import Pool
from collectors.kube_objects import at, instant
from collectors.live.allocation import beside, mig_cards
from collectors.live.allocation.book import Identity, Row
from collectors.live.allocation.context import Context
from collectors.live.allocation.meta import micros
from collectors.live.allocation.nodes import Node
from collectors.live.allocation.plugin import profile, replicas

_MEBI = 2**20


def of_pool(pool: Pool, context: Context) -> Iterator[Row]:
    """Devices of a pool as it was last whole."""
    members = context.slices.get(pool, {}).values()
    created = [micros(instant(at(m, "metadata", "creationTimestamp"))) for m in members]
    start = min((c for c in created if c is not None), default=None)
    for key, device in context.devices.get(pool, {}).items():
        node = context.nodes.get(device.node)
        columns = device.columns(key[0], key[1])
        place = node.place if node else {"health": "healthy"}
        worst = {"health": "unhealthy"} if device.tainted else {}
        yield place | columns | worst | {"place": "/".join(key), "start": start}


def of_node(
    node: Node, held: Mapping[Identity, Row], given: Mapping[str, Iterable[str]], same: Mapping[str, str]
) -> Iterator[Row]:
    """Devices of a node; `held` are its rows so far, `given` the names by resource that allocations told,
    `same` another name for a name, which stands instead.

    A device without a name is a number of its resource on its node, until an allocation tells its name.
    """
    common = node.place | {"node": node.name, "start": node.created}
    yield from (common | row for row in beside.of_node(node.sizes, node.name))
    for one in node.hami:
        memory = float(one.memory * _MEBI) if one.memory else None
        told = {"uuid": one.uuid, "gpu_model": one.model or None, "memory_bytes": memory}
        yield common | told | {"place": f"hami/{one.uuid}", "device": one.uuid, "driver": "hami.io"}
    # HAMi offers each device many times over
    offers = [o for o in node.capacity if not (node.hami and o[0].startswith("nvidia.com/gpu"))]
    counts = {resource: offered // replicas(resource, node) for resource, offered in offers}
    parents = _parents(counts, node)
    for resource, count in counts.items():
        for number, name in enumerate(_names(resource, count, held, given, same)):
            place = f"{resource}/{number}"
            yield (
                common
                | _offered(resource, node)
                | {
                    "place": place,
                    "device": name or f"{node.name}/{place}",
                    "uuid": name or None,
                    "parent_device": parents.get(place),
                }
            )


def _parents(counts: Mapping[str, int], node: Node) -> dict[str, str]:
    """The card of each MIG slice by its place."""
    profiles = {resource: sliced for resource in counts if (sliced := profile(resource, node))}
    slices = [(f"{r}/{number}", sliced) for r, sliced in profiles.items() for number in range(counts[r])]
    whole = sum(n for r, n in counts.items() if r.startswith("nvidia.com/gpu") and r not in profiles)
    found = mig_cards.cards(slices, max(node.cards - whole, 0), product("nvidia.com/gpu", node.labels))
    return {place: f"{node.name}/nvidia.com/mig/{number}" for place, number in found.items()}


def _offered(resource: str, node: Node) -> Row:
    sliced = profile(resource, node)
    memory = node.labels.get("nvidia.com/gpu.memory", "")
    whole = resource.startswith("nvidia.com/gpu") and memory.isdecimal() and len(memory) < 10
    return {
        "driver": resource,
        "gpu_model": product(resource, node.labels) or None,
        "mig_profile": sliced or None,
        "memory_bytes": float(int(memory) * _MEBI) if whole else None,
    }


def _names(
    resource: str,
    count: int,
    held: Mapping[Identity, Row],
    given: Mapping[str, Iterable[str]],
    same: Mapping[str, str],
) -> list[str]:
    """By number; a new name takes the highest number that has none, since pods take the lowest."""
    names: list[str] = []
    for number in range(count):
        known = held.get((f"{resource}/{number}",), {}).get("uuid") or ""
        name = same.get(known, known)
        names.append("" if name in names else name)
    for name in sorted({same.get(one, one) for one in given.get(resource, ())} - set(names)):
        places = [number for number, taken in enumerate(names) if not taken]
        if places:
            names[places[-1]] = name
    return names
