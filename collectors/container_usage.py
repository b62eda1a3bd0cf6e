"""CPU and memory of containers, by cAdvisor's counters, as what each pod used of all that its node has.

The kubelet's cAdvisor has both, and the machine's cores and bytes beside them.  A container's sample has its
own time; a pod's intervals never overlap, and hold all that its containers used.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from collectors.counter_growth import refused
from collectors.dcgm.devices import first
from collectors.dcgm.place import SAY_AGAIN, SECOND, says
from collectors.dcgm.timeline import Scrape, gap_rows
from collectors.exposition import Sample
from collectors.network.metrics import pod_of
from collectors.network.owners import Owners
from collectors.parsed import Parsed, to_table
from pipeline.events import Rejected

USED = {"container_cpu_usage_seconds_total": "cpu", "container_memory_working_set_bytes": "memory"}
"""Seconds of a core, counted; bytes now, of which a sample speaks for the time since the one before it."""
HAS = {"machine_cpu_cores": "cpu", "machine_memory_bytes": "memory"}
NAMES = (*USED, *HAS)
_NOT_A_CONTAINER = ("", "POD")
"""The pod's own group, which has all of its containers once more, and the one that holds its network."""


class Uses(msgspec.Struct):
    """What the next look must know; times in microseconds since 1970 UTC."""

    until: int = 0
    """Everything up to here was looked at; 0 is nothing yet."""
    seen: dict[str, tuple[int, float]] = {}
    """A container's last sample."""
    told: dict[str, int] = {}
    """Up to when a pod's use of a resource is told."""
    has: dict[str, dict[str, float]] = {}
    """What each machine has, by target and resource."""
    refused: dict[str, int] = {}

    @classmethod
    def of(cls, cursor: Mapping[str, Any]) -> Uses:
        return msgspec.convert(dict(cursor), cls)

    def cursor(self) -> dict[str, Any]:
        made: dict[str, Any] = msgspec.to_builtins(self)
        return made


class _Place(NamedTuple):
    namespace: str
    pod: str
    resource: str
    node: str
    all: float
    """Cores or bytes of the node."""


class _Piece(NamedTuple):
    start: int
    end: int
    amount: float
    """Cores or bytes, times microseconds."""


@dataclass
class _Found:
    pieces: dict[_Place, list[_Piece]] = field(default_factory=lambda: defaultdict(list))
    used: int = 0
    excluded: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    resets: dict[tuple[str, str, int, int], list[int]] = field(default_factory=dict)


def advance_uses(
    scrapes: Iterable[Scrape],
    uses: Uses,
    owners: Owners,
    *,
    longest: int,
    look_back: int,
    until: int,
    cluster: str,
) -> tuple[Parsed, Uses]:
    """What the scrapes add to what was told before; those of before may come again.  Pure.

    `longest` microseconds between two samples are an interval, more are not counted; the scrapes are of all
    up to `until`, and those of `look_back` before it may come again.
    """
    uses, found = Uses.of(uses.cursor()), _Found()
    ordered = sorted(scrapes, key=lambda scrape: (scrape.time, scrape.target))
    for scrape in ordered:
        for line in scrape.lines:
            if line.name in HAS and refused(line) is None and line.value > 0:
                uses.has.setdefault(scrape.target, {})[HAS[line.name]] = line.value
    for scrape in ordered:
        for line in scrape.lines:
            if line.name in USED:
                _take(line, scrape, uses, owners, longest, found)
    rows = [row for place, pieces in found.pieces.items() for row in _rows(place, pieces, uses)]
    _forget(uses, until, 2 * (longest + look_back))
    uses.until = until
    read = found.used + found.excluded.total() + len(found.rejected)
    events = {"gpu": _table(rows, cluster)} if rows else {}
    gaps = gap_rows(found.resets, cluster)
    return Parsed(read, found.used, events, found.excluded, tuple(found.rejected), gaps), uses


def _take(line: Sample, scrape: Scrape, uses: Uses, owners: Owners, longest: int, found: _Found) -> None:
    why = refused(line)
    if why is not None:
        if says(uses.refused, f"{scrape.target} {why.reason} {why.detail}", scrape.time):
            found.rejected.append(why)
        return
    resource, (namespace, pod) = USED[line.name], pod_of(line.labels)
    container = first(line.labels, "exported_container", "container")
    # A container that starts again has another group, and its counter begins anew.
    name = f"{namespace}/{pod}/{container}/{line.labels.get('id', '')[-12:]}/{resource}"
    before = uses.seen.get(name)
    if before is not None and before[0] >= scrape.time:
        return
    uses.seen[name] = (scrape.time, line.value)
    node = line.labels.get("node", "") or owners.nodes.get((namespace, pod), "")
    of_node = uses.has.get(scrape.target, {}).get(resource, 0.0)
    lack = _lack(pod, container, node, of_node)
    if lack:
        found.excluded[lack] += 1
    elif before is None or scrape.time - before[0] > longest:
        found.excluded["begins_an_interval"] += 1
    elif resource == "cpu" and line.value < before[1]:
        found.excluded["counter_went_down"] += 1
        found.resets[(scrape.target, "counter_reset", before[0], scrape.time)] = []
    else:
        long = scrape.time - before[0]
        amount = (line.value - before[1]) * SECOND if resource == "cpu" else line.value * long
        place = _Place(namespace, pod, resource, node, of_node)
        found.pieces[place].append(_Piece(before[0], scrape.time, amount))
        found.used += 1


def _lack(pod: str, container: str, node: str, of_node: float) -> str | None:
    """Why a series is not used."""
    if not pod:
        return "no_pod"
    if container in _NOT_A_CONTAINER:
        return "not_a_container"
    if not node:
        return "node_unknown"
    return None if of_node else "machine_unknown"


def _rows(place: _Place, pieces: list[_Piece], uses: Uses) -> Iterable[dict[str, Any]]:
    """A row a stretch in which some container of the pod was seen; none overlaps what was told before."""
    name = f"{place.namespace}/{place.pod}/{place.resource}"
    stretches: list[_Piece] = []
    for piece in sorted(pieces):
        if stretches and piece.start <= stretches[-1].end:
            last = stretches[-1]
            stretches[-1] = _Piece(last.start, max(last.end, piece.end), last.amount + piece.amount)
        else:
            stretches.append(piece)
    for start, end, amount in stretches:
        told = uses.told.get(name, start)
        # What came late has no time of its own left; its amount is told all the same.
        start = max(start, told) if told < end else start
        uses.told[name] = max(told, end)
        yield {
            "node": place.node, "device": f"{place.node}/{place.resource}", "namespace": place.namespace,
            "pod": place.pod, "time": end, "interval_seconds": (end - start) / SECOND,
            "util_ratio": min(amount / (place.all * (end - start)), 1.0),
        }  # fmt: skip


def _table(rows: list[dict[str, Any]], cluster: str) -> pa.Table:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return to_table("gpu", {**columns, "cluster": cluster, "confidence": "process"}, len(rows))


def _forget(uses: Uses, latest: int, kept: int) -> None:
    """Containers and pods that are gone: a sample after so long begins an interval anyway."""
    uses.seen = {name: seen for name, seen in uses.seen.items() if latest - seen[0] <= kept}
    uses.told = {name: at for name, at in uses.told.items() if latest - at <= kept}
    uses.refused = {what: at for what, at in uses.refused.items() if latest - at < SAY_AGAIN}
