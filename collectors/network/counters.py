"""Byte counters as `flow` events: what each pod sent since the scrape before, with the source on each number.

The three sources stand side by side and are never added: an answer takes one of them for a workload.  Where a
counter knows no destination, the connections that Hubble saw say how to share it out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import pyarrow as pa

from collectors.counter_growth import Counts, Growth, grown
from collectors.dcgm.timeline import Scrape, gap_rows
from collectors.exposition import Sample
from collectors.network.metrics import METRICS, End, Sent, pod_of, shows_a_node
from collectors.network.owners import Owners
from collectors.parsed import Parsed, to_table

COUNTED = "COUNTED"
"""The verdict of such an event: bytes of a counter, and no flow."""
_MINUTE = 60_000_000
_MOST_PARTS = 60
"""An interval is spread over its minutes, one that is longer than an hour over sixty parts of it."""


class _Key(NamedTuple):
    time: int
    method: str
    source: End
    destination: End


def advance_bytes(
    scrapes: Iterable[Scrape], counts: Counts, owners: Owners, *, cluster: str
) -> tuple[Parsed, Counts]:
    """What the scrapes add to what was counted before; those of before may come again.  Pure."""

    scrapes = list(scrapes)
    on_host = owners.on_host | {
        pod_of(line.labels) for one in scrapes for line in one.lines if shows_a_node(line.labels)
    }

    def left_out(line: Sample, scrape: Scrape) -> str | None:
        sent = METRICS[line.name].read(line.labels)
        if isinstance(sent, str):
            return sent
        is_all = sent.destination == End()
        return "host_network" if is_all and (sent.source.namespace, sent.source.pod) in on_host else None

    found, counts = grown(scrapes, counts, left_out=left_out)
    sums: dict[_Key, int] = defaultdict(int)
    for growth in found.growths:
        _add(sums, growth, owners)
    events = {"flow": _table(sums, cluster)} if sums else {}
    rejected, gaps = tuple(found.rejected), gap_rows(found.resets, cluster)
    return Parsed(found.read, len(found.growths), events, found.excluded, rejected, gaps), counts


def _add(sums: dict[_Key, int], growth: Growth, owners: Owners) -> None:
    metric = METRICS[growth.line.name]
    sent = metric.read(growth.line.labels)
    assert isinstance(sent, Sent)
    source, destination = _owned(sent.source, owners), _owned(sent.destination, owners)
    whole, long = round(growth.amount), growth.end - growth.start
    parts = min(max(-(-long // _MINUTE), 1), _MOST_PARTS)
    for at in range(parts):
        time = growth.start + long * (2 * at + 1) // (2 * parts)
        sums[_Key(time, metric.method, source, destination)] += (
            whole * (at + 1) // parts - whole * at // parts
        )


def _owned(end: End, owners: Owners) -> End:
    """Hubble and the allocation collector name a pod's topmost owner; who is not told stays as it came."""
    if not end.pod:
        return end
    known = owners.workload(end.namespace, end.pod)
    node = end.node or owners.nodes.get((end.namespace, end.pod), "")
    return end._replace(workload=known or end.workload or end.pod, node=node)


def _table(sums: dict[_Key, int], cluster: str) -> pa.Table:
    columns: dict[str, Any] = {
        "cluster": cluster, "verdict": COUNTED, "time": [key.time for key in sums],
        "bytes": [float(size) for size in sums.values()], "bytes_method": [key.method for key in sums],
    }  # fmt: skip
    for side, ends in (("source", [k.source for k in sums]), ("destination", [k.destination for k in sums])):
        for name in End._fields:
            columns[f"{side}_{name}"] = [getattr(end, name) or None for end in ends]
    return to_table("flow", columns, len(sums))
