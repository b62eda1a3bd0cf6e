"""Who came to a claim after its devices were given, where it is first seen with them: when they came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from collectors.kube_objects import at, instant, mapping, sequence, text
from collectors.live.allocation.book import Moment
from collectors.live.allocation.claims import Claim, body
from collectors.live.allocation.context import Context
from collectors.live.allocation.meta import micros


def allocated(read: Mapping[str, Any]) -> int | None:
    """When a claim was given its devices, microseconds since 1970 UTC; None where it does not say so."""
    return micros(instant(at(read, "status", "allocation", "allocationTimestamp")))


def steps(claim: Claim, context: Context) -> list[tuple[Claim, Moment | None]]:
    """What the claim was from when on; None is the allocation itself.

    A pod that was made after the devices were given cannot have held them then, but since it was bound.
    """
    read = body(claim)
    when = allocated(read)
    consumers = [mapping(one) for one in sequence(at(read, "status", "reservedFor"))]
    came = [_came(text(one.get("uid")), when, context) for one in consumers]
    times = sorted({time for time in came if time is not None})
    if not times:
        return [(claim, None)]
    found: list[tuple[Claim, Moment | None]] = []
    for until in (None, *times) if None in came else times:
        there = [time is None or time <= (until or 0) for time in came]
        part = [one for one, is_there in zip(consumers, there, strict=True) if is_there]
        status = read["status"] | {"reservedFor": part}
        told = Claim(claim.uid, msgspec.json.encode(read | {"status": status}))
        found.append((told, None if until is None else Moment(until, "exact")))
    return found


def _came(uid: str, when: int | None, context: Context) -> int | None:
    """When a pod came later than the devices; None where it did not, or nothing says so."""
    pod = context.pod(uid)
    if pod is None or when is None or pod.created is None or pod.created <= when:
        return None
    return pod.bound
