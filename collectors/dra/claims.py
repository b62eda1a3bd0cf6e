"""ResourceClaims as allocation rows: every consumer's share of every allocated device."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from collectors.dra.drivers import left_out
from collectors.dra.owners import Owners, workload
from collectors.dra.shares import WHOLE, Share, consumed_share
from collectors.dra.slices import Device, Inventory
from collectors.kube_objects import Json, at, instant, mapping, owner, revision, sequence, text
from pipeline.events import Rejected

_STRATEGIES = {"TimeSlicing": "time-slicing", "MPS": "mps"}
_CONSUMER_KINDS = {"pods": "Pod", "podgroups": "PodGroup"}

Row = dict[str, Any]


class _Consumer(NamedTuple):
    uid: str
    pod: str | None
    workload: str | None


def results(claim: Json) -> list[Json]:
    return [mapping(r) for r in sequence(at(claim, "status", "allocation", "devices", "results"))]


def _held_too(result: Json, claim: Json) -> bool:
    """Whether a device that is only watched is one that the same claim holds."""
    watched = result.get("adminAccess") is True
    names = ("driver", "pool", "device")
    return watched and any(
        r.get("adminAccess") is not True and all(r.get(n) == result.get(n) for n in names)
        for r in results(claim)
    )


def claim_rows(
    claim: Json, known: Inventory, owners: Owners, observed: datetime
) -> Iterator[list[Row] | str | Rejected]:
    """For each allocated device its rows, the name under which it is left out, or why it is refused."""
    common = _common(claim, observed)
    if common["start"] is None:
        missing = Rejected(
            "missing_field", f"{common['claim']}: neither allocationTimestamp nor creationTimestamp"
        )
        yield from (missing for _ in results(claim))
        return
    consumers = _consumers(claim, common["claim_uid"], owners)
    for result in results(claim):
        key = tuple(text(result.get(name)) for name in ("driver", "pool", "device"))
        if other := left_out(key[0]):
            yield other
        elif _held_too(result, claim):
            yield "watched_by_its_holder"
        elif not all(key) or not all(c.uid for c in consumers):
            yield Rejected("missing_field", f"{common['claim']}: no device or consumer")
        else:
            device = known.devices.get((key[0], key[1], key[2]))
            row = common | _held(claim, result, device, "/".join(key))
            yield _shared_out(row, _part(result, device, len(consumers)), consumers)


def _common(claim: Json, observed: datetime) -> Row:
    """What all rows of a claim have in common; UTC, naive."""
    allocated = instant(at(claim, "status", "allocation", "allocationTimestamp"))
    end = instant(at(claim, "metadata", "deletionTimestamp"))
    namespace, name = text(at(claim, "metadata", "namespace")), text(at(claim, "metadata", "name"))
    return {
        "claim_uid": text(at(claim, "metadata", "uid")) or f"{namespace}/{name}",
        "claim": name,
        "namespace": namespace or None,
        "start": allocated or instant(at(claim, "metadata", "creationTimestamp")),
        "start_quality": "exact" if allocated else "observed",
        "end": end,
        "end_quality": "observed" if end else None,
        "time": observed,
        "revision": revision(claim, observed),
    }


def _consumers(claim: Json, claim_uid: str, owners: Owners) -> list[_Consumer]:
    """Who reserved the claim; the claim itself where nobody did, since it still keeps the device."""
    reserved = [mapping(r) for r in sequence(at(claim, "status", "reservedFor"))]
    if reserved:
        return [_consumer(r, owners) for r in reserved]
    above = owner(claim)
    return [_Consumer(claim_uid, None, workload(*above, owners) if above else None)]


def _consumer(reference: Json, owners: Owners) -> _Consumer:
    resource, name = text(reference.get("resource")), text(reference.get("name"))
    uid = text(reference.get("uid")) or name
    kind = _CONSUMER_KINDS.get(resource, resource or "Pod")
    return _Consumer(uid, name if kind == "Pod" else None, workload(kind, name, uid, owners))


def _held(claim: Json, result: Json, device: Device | None, address: str) -> Row:
    selector = sequence(at(claim, "status", "allocation", "nodeSelector", "nodeSelectorTerms"))
    node = (device.node if device else "") or _node_named(selector)
    return {
        "device": device.identity if device else address,
        "node": node or None,
        "share_id": text(result.get("shareID")) or None,
        "admin_access": result.get("adminAccess") is True,
        "method": _method(claim, result, device),
    }


def _node_named(terms: list[Any]) -> str:
    fields = [mapping(f) for term in terms for f in sequence(at(term, "matchFields"))]
    named = [sequence(f.get("values")) for f in fields if f.get("key") == "metadata.name"]
    return text(named[0][0]) if len(named) == 1 and len(named[0]) == 1 else ""


def _method(claim: Json, result: Json, device: Device | None) -> str:
    if result.get("shareID") or result.get("consumedCapacity"):
        return "dra-shared"
    return _strategy(claim, result) or (device.method if device else "whole")


def _strategy(claim: Json, result: Json) -> str | None:
    """How the driver was told to share the device among the claim's containers: the last that speaks of it.

    A class's configurations stand before the claim's own, which override them.
    """
    request = text(result.get("request"))
    # An alternative of a prioritized list is request/alternative; the list's name alone means all of them.
    named = {request, request.partition("/")[0]}
    for config in reversed(sequence(at(claim, "status", "allocation", "devices", "config"))):
        requests = {text(r) for r in sequence(at(config, "requests"))}
        driver = text(at(config, "opaque", "driver"))
        strategy = text(at(config, "opaque", "parameters", "sharing", "strategy"))
        ours = driver in ("", text(result.get("driver"))) and (not requests or requests & named)
        if ours and strategy in _STRATEGIES:
            return _STRATEGIES[strategy]
    return None


def _part(result: Json, device: Device | None, consumers: int) -> Share | None:
    """A consumer's share of the physical device; None where it cannot be known."""
    base = device.share if device else WHOLE
    each = base.times(Share(1, consumers))
    if not (result.get("shareID") or result.get("consumedCapacity")):
        return each
    consumed = consumed_share(result.get("consumedCapacity"), device.capacity if device else {})
    return None if consumed is None else each.times(consumed)


def _shared_out(row: Row, part: Share | None, consumers: list[_Consumer]) -> list[Row] | str | Rejected:
    if part is None and not row["admin_access"]:
        return "shared_capacity_unknown"
    if part is not None and part.held > part.whole:
        return Rejected("out_of_range", f"{row['claim']}: consumes {part.held} of {part.whole} units")
    units = {"share_units": part.held, "device_units": part.whole} if part else {}
    who = [{"consumer_uid": c.uid, "pod": c.pod, "workload": c.workload} for c in consumers]
    return [row | units | one for one in who]
