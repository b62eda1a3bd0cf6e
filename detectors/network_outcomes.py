"""Fold of network flows into what became of a workload's traffic: drops by reason, HTTP and DNS by code.

An HTTP response counts for the workload that gave it, a DNS response for the one that asked: those are who
can mend it.  A dropped packet counts for its sender, at each point that reports it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors import minutes
from detectors.codes import Mask, text
from detectors.references import Reference
from pipeline.facts.cost import NETWORK_OUTCOMES

_READ = [
    "cluster", "time", "protocol", "drop_reason", "http_status", "dns_rcode", "latency_seconds",
    "source_namespace", "source_workload", "destination_namespace", "destination_workload",
]  # fmt: skip


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`flow` events that are a response or a drop as `network_outcomes`; the others tell no outcome."""
    dropped = text(events.column("verdict")).equals("DROPPED")
    dns = _known(events.column("dns_rcode"))
    told = np.flatnonzero(dropped | dns | _known(events.column("http_status")))
    if not len(told):
        return {NETWORK_OUTCOMES.name: NETWORK_OUTCOMES.schema.empty_table()}
    return {NETWORK_OUTCOMES.name: _sums(events.select(_READ).take(told), dropped[told], dns[told])}


def _known(column: pa.ChunkedArray) -> Mask:
    if column.null_count == len(column):
        return np.zeros(len(column), np.bool_)
    return np.asarray(column.is_valid().to_numpy(), np.bool_)


def _sums(events: pa.Table, dropped: Mask, dns: Mask) -> pa.Table:
    asked = dns & ~dropped
    code = pc.coalesce(events.column("http_status"), events.column("dns_rcode")).cast(pa.string())
    reason = pc.fill_null(events.column("drop_reason").cast(pa.string()), "")
    columns = {
        "cluster": events.column("cluster"),
        "namespace": _whose(asked, events, "namespace"),
        "workload": _whose(asked, events, "workload"),
        "protocol": events.column("protocol"),
        "outcome": pc.if_else(pa.array(dropped), pc.binary_join_element_wise("dropped", reason, " "), code),
    }
    keys = minutes.Keys(
        minutes.minute(minutes.microseconds(events.column("time"))),
        {name: text(column) for name, column in columns.items()},
    )
    groups = keys.group()
    seconds = minutes.floats(events.column("latency_seconds"))
    timed: Mask = np.isfinite(seconds)
    sums = {
        "events": groups.count(),
        "timed": groups.count(timed),
        "latency_seconds": groups.sum(minutes.units(seconds, minutes.SECOND)),
    }
    return minutes.rows(NETWORK_OUTCOMES, keys.of(groups.first) | sums)


def _whose(asked: Mask, events: pa.Table, name: str) -> pa.ChunkedArray:
    server = events.column(f"source_{name}")
    if not asked.any():
        return server
    client = events.column(f"destination_{name}").cast(pa.string())
    return pc.if_else(pa.array(asked), client, server.cast(pa.string()))
