"""Decoded Hubble flows as columns of the `flow` event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from collectors.hubble.bytes import observed_bytes
from collectors.hubble.distinct import Distinct, Repeated
from collectors.hubble.layers import NO_TEXT, layers, texts
from collectors.hubble.lines import Address, Endpoint, Flow, Workload, refused
from collectors.hubble.times import microseconds
from collectors.parsed import to_table
from pipeline.events import Rejected

_HOST = 1
"""Cilium's reserved identity of the node itself."""
_DIRECTIONS = pa.array(["INGRESS", "EGRESS"])
_ZONE = "topology.kubernetes.io/zone="
_REGION = "topology.kubernetes.io/region="
_NO_ADDRESS = Address()
_ENDPOINTS = Repeated(Endpoint(), msgspec.json.Decoder(list[Endpoint | None]))
_LABELS: Repeated[list[str]] = Repeated([], msgspec.json.Decoder(list[list[str] | None]))


def flow_table(flows: list[Flow], rows: Sequence[int], cluster: str) -> tuple[pa.Table, list[Rejected]]:
    """The flows that have a time, and the others with the reason; `rows` are their line numbers."""
    time = microseconds([f.time for f in flows])
    endpoints = _ENDPOINTS.decode([f.source for f in flows] + [f.destination for f in flows])
    labels = _LABELS.decode([f.node_labels for f in flows])
    places = _places(flows, labels)
    columns = {
        "cluster": cluster,
        "time": time,
        "node": places["node"],
        **_ends(endpoints, places, len(flows)),
        **_columns(flows),
        **layers(flows),
        **observed_bytes(flows),
    }
    table = to_table("flow", columns, len(flows))
    bad = _undecoded(endpoints, labels, len(flows))
    if time.null_count:
        for place, known in enumerate(time.is_valid().to_pylist()):
            if not known:
                bad.setdefault(place, _no_time(flows[place].time))
    if not bad:
        return table, []
    told = [reason._replace(row=rows[place]) for place, reason in sorted(bad.items())]
    return table.filter(pa.array([place not in bad for place in range(len(flows))])), told


def _undecoded(endpoints: Distinct[Endpoint], labels: Distinct[list[str]], count: int) -> dict[int, Rejected]:
    """Of the flows by their place, the first of their fields that could not be decoded."""
    bad: dict[int, Rejected] = {}
    for place, error in endpoints.failed().items():
        field = "source" if place < count else "destination"
        bad.setdefault(place % count, refused(error, None, field))
    for place, error in labels.failed().items():
        bad.setdefault(place, refused(error, None, "node_labels"))
    return bad


def _no_time(text: str | None) -> Rejected:
    if text is None:
        return Rejected("missing_field", "no time")
    return Rejected("wrong_type", f"time is {text[:40]!r}, not RFC 3339")


def _columns(flows: list[Flow]) -> dict[str, Any]:
    addresses = [f.IP or _NO_ADDRESS for f in flows]
    direction = texts([f.traffic_direction for f in flows])
    return {
        "uuid": [f.uuid for f in flows],
        "verdict": texts([f.verdict or "VERDICT_UNKNOWN" for f in flows]),
        "direction": pc.if_else(pc.is_in(direction, _DIRECTIONS), direction, NO_TEXT),
        "is_reply": [True if f.reply else f.is_reply for f in flows],
        "drop_reason": texts([f.drop_reason_desc for f in flows]),
        "source_ip": [a.source for a in addresses],
        "destination_ip": [a.destination for a in addresses],
    }


def _places(flows: list[Flow], labels: Distinct[list[str]]) -> dict[str, pa.StringArray]:
    """Of the observing node; zone and region where its labels are exported."""
    names = pa.array([f.node_name for f in flows], pa.string()).dictionary_encode()
    nodes = [name.rpartition("/")[2] or None for name in names.dictionary.to_pylist()]
    return {
        "node": pa.array(nodes, pa.string()).take(names.indices),
        "zone": labels.text(lambda texts: _label(texts, _ZONE)),
        "region": labels.text(lambda texts: _label(texts, _REGION)),
    }


def _label(labels: list[str], prefix: str) -> str | None:
    return next((text[len(prefix) :] for text in labels if text.startswith(prefix)), None)


def _ends(
    endpoints: Distinct[Endpoint], places: dict[str, pa.StringArray], count: int
) -> dict[str, pa.StringArray]:
    """Hubble tells the place of the endpoints on the observing node only: those have an endpoint id."""
    local = endpoints.holds(lambda e: bool(e.ID) or e.identity == _HOST)
    told = {
        "namespace": endpoints.text(lambda e: e.namespace),
        "pod": endpoints.text(lambda e: e.pod_name),
        "workload": endpoints.text(lambda e: _workload(e.workloads[0]) if e.workloads else e.pod_name),
    }
    columns: dict[str, pa.StringArray] = {}
    for side, rows in (("source", slice(count)), ("destination", slice(count, None))):
        columns |= {f"{side}_{name}": both[rows] for name, both in told.items()}
        columns |= {f"{side}_{name}": _where(local[rows], place) for name, place in places.items()}
    return columns


def _where(local: pa.BooleanArray, place: pa.StringArray) -> pa.StringArray:
    return place if place.null_count == len(place) else pc.if_else(local, place, NO_TEXT)


def _workload(workload: Workload) -> str:
    return f"{workload.kind}/{workload.name}" if workload.kind else workload.name
