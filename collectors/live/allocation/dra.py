"""The devices that a ResourceClaim gives its consumers, as rows that are wanted open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from collectors.dra.claims import claim_rows, results
from collectors.kube_objects import at, instant, owner, sequence, text
from collectors.live.allocation.book import Identity, Moment, Row
from collectors.live.allocation.claims import Claim, body
from collectors.live.allocation.context import Context
from collectors.live.allocation.joined import allocated
from collectors.live.allocation.meta import SECOND, Owner, micros
from pipeline.events import Rejected

_AHEAD = 5 * SECOND
"""By so much clocks of one cluster may differ without a word."""


def wanted(
    claim: Claim, context: Context, observed: datetime, *, joins: bool
) -> Iterator[list[Row] | str | Rejected]:
    """For each device its rows, the name under which it is left out, or why it is refused.

    `joins`: the claim was held before, so whoever is new to it came after its allocation; what the rows lack
    then is a start.
    """
    read = body(claim)
    pools = {(text(r.get("driver")), text(r.get("pool"))) for r in results(read)}
    places = [_place(r) for r in results(read)]
    for place, outcome in zip(places, claim_rows(read, context.known(pools), {}, observed), strict=False):
        if isinstance(outcome, list):
            yield [_row(row, place, read, context, micros(observed) or 0, joins=joins) for row in outcome]
        else:
            yield outcome


def missing_pools(claim: Claim, context: Context) -> set[tuple[str, str]]:
    """Pools of a claim's devices that were never seen whole."""
    return {pool for pool in _pools(claim) if pool not in context.devices}


def _pools(claim: Claim) -> set[tuple[str, str]]:
    return {(text(r.get("driver")), text(r.get("pool"))) for r in results(body(claim))}


def ends(held: Mapping[Identity, Row], context: Context) -> dict[Identity, Moment]:
    """When those that ended by themselves did; not of a pod that lived for less than a second.

    Kubernetes writes whole seconds: the same one as start and end would be no time at all.  Nor of one whose
    node's clock is behind, and says that it ended before it began.
    """
    found = {}
    for identity, row in held.items():
        pod = context.pod(row["consumer_uid"])
        if pod is not None and pod.finished is not None and pod.finished > row["start"] // SECOND * SECOND:
            found[identity] = Moment(pod.finished, "exact")
    return found


def _place(result: Any) -> str:
    names = ("driver", "pool", "device")
    address = "/".join(text(result.get(name)) for name in names)
    return "|".join((address, text(result.get("shareID")), text(result.get("request"))))


def address(row: Row) -> str:
    """driver/pool/device of a row: its device where its pool is not known."""
    return str(row["place"]).partition("|")[0]


def unknown(row: Row, context: Context) -> bool:
    """Whether none of the pods is known that could say whose it is: they are gone, or may not be read."""
    if row["pod"] is not None:
        return context.pod(row["consumer_uid"]) is None
    return str(row["workload"]).startswith("PodGroup/")


def is_another(claim: Claim, held: Mapping[Identity, Row]) -> bool:
    """Whether the claim was given devices anew, to others, since all that is held of it began."""
    read = body(claim)
    when = allocated(read)
    now = {text(at(one, "uid")) for one in sequence(at(read, "status", "reservedFor"))}
    return when is not None and all(
        row["start"] < when and row["consumer_uid"] not in now for row in held.values()
    )


def _row(row: Row, place: str, read: dict[str, Any], context: Context, observed: int, *, joins: bool) -> Row:
    start, quality = micros(row["start"]), row["start_quality"]
    if quality != "exact" and (changed := instant(read.get("changed"))) is not None:
        start = micros(changed)
    if quality == "exact" and start is not None and start > observed + _AHEAD:
        start = None  # the scheduler's clock is ahead of the API server's: it began when that was seen
    found = {k: v for k, v in row.items() if k not in ("end", "end_quality", "time", "revision")}
    found |= {"place": place, "start": None if joins else start, "start_quality": quality}
    return found | _whose(row, read, context)


def _whose(row: Row, read: dict[str, Any], context: Context) -> Row:
    namespace = row["namespace"] or ""
    pod = context.pod(row["consumer_uid"])
    kind, _, name = (row["workload"] or "").partition("/")
    if pod is None:
        context.missing.add(row["consumer_uid"])
    if pod is None and kind == "PodGroup":
        member = context.of_group(namespace, name)
        if member is not None:
            return context.who(member)
        context.missing.add(f"{namespace}/{name}")
    if pod is not None:
        return context.who(pod) | ({"node": row["node"] or pod.node} if pod.node else {})
    above = owner(read)
    if row["consumer_uid"] == row["claim_uid"] and above is not None:
        return {"team": context.team(namespace), "workload": context.workload(Owner(*above), namespace)}
    return {"team": context.team(namespace)}
