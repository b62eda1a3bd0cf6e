"""Decoded Hubble flows as columns of the `flow` event."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from collectors.hubble_lines import Address, Endpoint, Flow, Layer4, Layer7, Ports, Workload
from collectors.parsed import to_table
from pipeline.events import Rejected

_HOST = 1
"""Cilium's reserved identity of the node itself."""
_DIRECTIONS = {"INGRESS": "INGRESS", "EGRESS": "EGRESS"}
_ZONE = "topology.kubernetes.io/zone="
_REGION = "topology.kubernetes.io/region="
_NO_PORTS = Ports()
_NO_LAYER4 = Layer4()
_NO_LAYER7 = Layer7()
_NO_ENDPOINT = Endpoint()
_NO_ADDRESS = Address()
_LAYER4 = ("TCP", "UDP", "SCTP", "ICMPv4", "ICMPv6")
_UTC_US = pa.timestamp("us", tz="UTC")


def flow_table(flows: list[Flow], rows: list[int], cluster: str) -> tuple[pa.Table, list[Rejected]]:
    """The flows that have a time, and the others with the reason; `rows` are their line numbers."""
    time = microseconds([f.time for f in flows])
    flow_like = pa.array([f.verdict is not None or f.IP is not None for f in flows], pa.bool_())
    good = pc.and_(time.is_valid(), flow_like)
    if not pc.all(good, min_count=0).as_py():
        keep = good.to_pylist()
        refused = [_refused(f, row) for f, row, fine in zip(flows, rows, keep, strict=True) if not fine]
        flows = [f for f, fine in zip(flows, keep, strict=True) if fine]
        time = time.filter(good)
    else:
        refused = []
    return to_table("flow", _columns(flows) | {"cluster": cluster, "time": time}, len(flows)), refused


def _refused(flow: Flow, row: int) -> Rejected:
    if flow.verdict is None and flow.IP is None:
        return Rejected("missing_field", "neither verdict nor IP: not a flow", row)
    if flow.time is None:
        return Rejected("missing_field", "no time", row)
    return Rejected("wrong_type", f"time is {flow.time[:40]!r}, not RFC 3339", row)


def microseconds(texts: list[str | None]) -> pa.Array:
    """RFC 3339 times in UTC with up to nine decimals; what is no time is null."""
    strings = pa.array(texts, pa.string())
    try:
        exact = strings.cast(pa.timestamp("ns", tz="UTC"))
    except pa.ArrowInvalid:
        exact = pa.concat_arrays([_one_time(text) for text in texts])
    return exact.cast(_UTC_US, safe=False)


def _one_time(text: str | None) -> pa.Array:
    try:
        return pa.array([text], pa.string()).cast(pa.timestamp("ns", tz="UTC"))
    except pa.ArrowInvalid:
        return pa.nulls(1, pa.timestamp("ns", tz="UTC"))


def _columns(flows: list[Flow]) -> dict[str, Any]:
    nodes = [f.node_name.rpartition("/")[2] or None for f in flows]
    zones, regions = _places(flows)
    addresses = [f.IP or _NO_ADDRESS for f in flows]
    return {
        "node": nodes,
        "uuid": [f.uuid for f in flows],
        "verdict": [f.verdict or "VERDICT_UNKNOWN" for f in flows],
        "direction": [_DIRECTIONS.get(f.traffic_direction or "") for f in flows],
        "is_reply": [True if f.reply else f.is_reply for f in flows],
        "drop_reason": [f.drop_reason_desc for f in flows],
        "source_ip": [a.source for a in addresses],
        "destination_ip": [a.destination for a in addresses],
        **_endpoint("source", [f.source or _NO_ENDPOINT for f in flows], nodes, zones, regions),
        **_endpoint("destination", [f.destination or _NO_ENDPOINT for f in flows], nodes, zones, regions),
        **_layers(flows),
    }


def _endpoint(
    side: str,
    endpoints: list[Endpoint],
    nodes: list[str | None],
    zones: list[str | None] | None,
    regions: list[str | None] | None,
) -> dict[str, Any]:
    """Hubble tells the place of the endpoints on the observing node only: those have an endpoint id."""
    local = [bool(e.ID) or e.identity == _HOST for e in endpoints]
    return {
        f"{side}_namespace": [e.namespace for e in endpoints],
        f"{side}_pod": [e.pod_name for e in endpoints],
        f"{side}_workload": [_workload(e.workloads[0]) if e.workloads else e.pod_name for e in endpoints],
        f"{side}_node": _where(local, nodes),
        f"{side}_zone": zones and _where(local, zones),
        f"{side}_region": regions and _where(local, regions),
    }


def _where(local: list[bool], places: list[str | None]) -> list[str | None]:
    return [place if here else None for here, place in zip(local, places, strict=True)]


def _workload(workload: Workload) -> str:
    return f"{workload.kind}/{workload.name}" if workload.kind else workload.name


def _places(flows: list[Flow]) -> tuple[list[str | None] | None, list[str | None] | None]:
    """Zone and region of the observing node, where its labels are exported."""
    labels = [f.node_labels for f in flows]
    if not any(labels):
        return None, None
    return [_label(ls, _ZONE) for ls in labels], [_label(ls, _REGION) for ls in labels]


def _label(labels: list[str] | None, prefix: str) -> str | None:
    return next((text[len(prefix) :] for text in labels or () if text.startswith(prefix)), None)


def _layers(flows: list[Flow]) -> dict[str, Any]:
    layer4 = [f.l4 or _NO_LAYER4 for f in flows]
    layer7 = [f.l7 or _NO_LAYER7 for f in flows]
    ports = [l4.TCP or l4.UDP or l4.SCTP or _NO_PORTS for l4 in layer4]
    return {
        "protocol": [
            "TCP" if l7 is _NO_LAYER7 and l4.TCP is not None else _protocol(l4, l7)
            for l4, l7 in zip(layer4, layer7, strict=True)
        ],
        "opens_connection": [p.flags is not None and p.flags.SYN and not p.flags.ACK for p in ports],
        "destination_port": [p.destination_port for p in ports],
        "http_status": [l7.http.code if l7.http is not None else None for l7 in layer7],
        "latency_seconds": [None if l7.latency_ns is None else _seconds(l7.latency_ns) for l7 in layer7],
    }


def _protocol(layer4: Layer4, layer7: Layer7) -> str | None:
    if layer7.http is not None:
        return "HTTP"
    if layer7.dns is not None:
        return "DNS"
    if layer7.kafka is not None:
        return "Kafka"
    return next((p for p in _LAYER4 if getattr(layer4, p) is not None), None)


def _seconds(nanoseconds: str | int) -> float | None:
    text = str(nanoseconds)
    return int(text) * 1e-9 if text.isascii() and text.isdigit() and len(text) < 19 else None
