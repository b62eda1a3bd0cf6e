"""Gathered Hubble flows as columns of the `flow` event."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from collectors.hubble.gathered import End, Gathered
from collectors.hubble.times import microseconds
from collectors.parsed import to_table
from pipeline.events import Rejected

_DIRECTIONS = pa.array(["INGRESS", "EGRESS"])
_NO_TEXT = pa.scalar(None, pa.string())


def flow_table(flows: Gathered, cluster: str) -> tuple[pa.Table, list[Rejected]]:
    """The flows that have a time, and the others with the reason."""
    told = flows.time.array()
    time, direction = microseconds(told), flows.direction.array()
    places = {
        "node": _nodes(flows.node.array()),
        "zone": flows.labels.zone.array(),
        "region": flows.labels.region.array(),
    }
    columns = {
        "cluster": cluster,
        "time": time,
        "node": places["node"],
        "uuid": flows.uuid.array(),
        "verdict": pc.fill_null(flows.verdict.array(), "VERDICT_UNKNOWN"),
        "direction": pc.if_else(pc.is_in(direction, _DIRECTIONS), direction, _NO_TEXT),
        "is_reply": flows.is_reply.array(),
        "protocol": flows.protocol.array(),
        "opens_connection": flows.opens.array(),
        "drop_reason": flows.drop_reason.array(),
        "http_status": flows.status.array(),
        "dns_rcode": flows.rcode.array(),
        "latency_seconds": _seconds(flows.latency.array()),
        **_end("source", flows.source, places),
        **_end("destination", flows.destination, places),
        **flows.bytes.columns(),
    }
    table = to_table("flow", columns, flows.count)
    bad = dict(flows.refused())
    if time.null_count:
        for place, known in enumerate(time.is_valid().to_pylist()):
            if not known:
                bad.setdefault(place, _no_time(told[place].as_py()))
    if not bad:
        return table, []
    rows = flows.rows()
    reasons = [reason._replace(row=rows[place]) for place, reason in sorted(bad.items())]
    return table.filter(pa.array([place not in bad for place in range(flows.count)])), reasons


def _no_time(text: str | None) -> Rejected:
    if text is None:
        return Rejected("missing_field", "no time")
    return Rejected("wrong_type", f"time is {text[:40]!r}, not RFC 3339")


def _nodes(names: pa.StringArray) -> pa.StringArray:
    """Without the name of the cluster, which stands before it, most often."""
    if not pc.any(pc.match_substring(names, "/")).as_py():
        return names
    told = names.dictionary_encode()
    nodes = [name.rpartition("/")[2] or None for name in told.dictionary.to_pylist()]
    return pa.array(nodes, pa.string()).take(told.indices)


def _end(side: str, end: End, places: dict[str, pa.StringArray]) -> dict[str, pa.Array]:
    """Of one side; the places are the observing node's."""
    local, pod = end.local.array(), end.pod.array()
    columns = {
        "namespace": end.namespace.array(),
        "pod": pod,
        "workload": pod if end.workload is end.pod else end.workload.array(),
        "ip": end.ip.array(),
        "port": end.port.array(),
        **{name: _where(local, place) for name, place in places.items()},
    }
    return {f"{side}_{name}": column for name, column in columns.items()}


def _where(local: pa.BooleanArray, place: pa.StringArray) -> pa.StringArray:
    return place if place.null_count == len(place) else pc.if_else(local, place, _NO_TEXT)


def _seconds(nanoseconds: pa.StringArray) -> pa.DoubleArray | None:
    """What is no whole number of at most 18 digits is null."""
    if nanoseconds.null_count == len(nanoseconds):
        return None
    whole = pc.and_(pc.ascii_is_decimal(nanoseconds), pc.less_equal(pc.binary_length(nanoseconds), 18))
    digits = pc.if_else(whole, nanoseconds, _NO_TEXT)
    return pc.multiply(digits.cast(pa.int64()).cast(pa.float64(), safe=False), 1e-9)
