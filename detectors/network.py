"""Fold of network flows into minutes of the sending workload by network class.

Each event counts for its source, for sending is what is billed.  `flows` and `dropped` count every event, so
a flow that both nodes report is two flows; `connections` and `bytes` leave out what the receiving node
reports (direction INGRESS), so they count it once.  COUNTED is a counter's growth: bytes, and no flow.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from detectors import minutes
from detectors.codes import Text, holds, text
from detectors.network_classes import CLASSES, classes
from detectors.references import Reference
from pipeline.facts.cost import NETWORK_USAGE


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`flow` events as `network_usage`; the method is the source of the bytes, '' where none are known."""
    columns = {
        "cluster": text(events.column("cluster")),
        "namespace": text(events.column("source_namespace")),
        "workload": text(events.column("source_workload")),
        "class": Text(classes(events, minutes.flag(events, "destination_internal")), pa.array(CLASSES)),
        "method": text(events.column("bytes_method")),
    }
    keys = minutes.Keys(minutes.minute(minutes.microseconds(events.column("time"))), columns)
    groups = keys.group()
    verdict, direction = events.column("verdict"), events.column("direction")
    dropped, is_flow = holds(verdict, "DROPPED"), ~holds(verdict, "COUNTED")
    sent = ~holds(direction, "INGRESS") & ~dropped
    opened = (
        holds(direction, "EGRESS")
        & minutes.flag(events, "opens_connection")
        & ~minutes.flag(events, "is_reply")
    )
    sums = {
        "flows": groups.count(~dropped & is_flow),
        "connections": groups.count(opened & ~dropped),
        "dropped": groups.count(dropped),
        "bytes": groups.sum(minutes.units(minutes.floats(events.column("bytes")), 1) * sent),
    }
    return {NETWORK_USAGE.name: minutes.rows(NETWORK_USAGE, keys.of(groups.first) | sums)}
