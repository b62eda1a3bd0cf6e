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


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`flow` events that are a response or a drop as `network_outcomes`; the others tell no outcome."""
    dropped = pc.equal(events.column("verdict"), "DROPPED")
    http, dns = (pc.is_valid(events.column(name)) for name in ("http_status", "dns_rcode"))
    told = events.filter(pc.or_(dropped, pc.or_(http, dns)))
    sums = _sums(told) if told.num_rows else NETWORK_OUTCOMES.schema.empty_table()
    return {NETWORK_OUTCOMES.name: sums}


def _sums(events: pa.Table) -> pa.Table:
    dropped = pc.equal(events.column("verdict"), "DROPPED")
    asked = pc.and_(pc.invert(dropped), pc.is_valid(events.column("dns_rcode")))
    code = pc.coalesce(events.column("http_status"), events.column("dns_rcode")).cast(pa.string())
    reason = pc.fill_null(events.column("drop_reason").cast(pa.string()), "")
    columns = {
        "cluster": events.column("cluster"),
        "namespace": _whose(asked, events, "namespace"),
        "workload": _whose(asked, events, "workload"),
        "protocol": events.column("protocol"),
        "outcome": pc.if_else(dropped, pc.binary_join_element_wise("dropped", reason, " "), code),
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


def _whose(asked: pa.ChunkedArray, events: pa.Table, name: str) -> pa.ChunkedArray:
    server, client = (events.column(f"{side}_{name}").cast(pa.string()) for side in ("source", "destination"))
    return pc.if_else(asked, client, server)
