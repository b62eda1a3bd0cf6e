"""Decoded Hubble flows as columns of the `flow` event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from collectors.hubble.bytes import observed_bytes
from collectors.hubble.distinct import Distinct, Repeated
from collectors.hubble.lines import Address, Endpoint, Flags, Flow, Layer4, Ports, Workload
from collectors.hubble.times import microseconds
from collectors.parsed import to_table
from pipeline.events import Rejected

_HOST = 1
"""Cilium's reserved identity of the node itself."""
_DIRECTIONS = pa.array(["INGRESS", "EGRESS"])
_NO_TEXT = pa.scalar(None, pa.string())
_ZONE = "topology.kubernetes.io/zone="
_REGION = "topology.kubernetes.io/region="
_NO_PORTS = Ports()
_NO_FLAGS = Flags()
_NO_LAYER4 = Layer4()
_ENDPOINT = msgspec.json.Decoder(list[Endpoint | None])
_SOURCE = Repeated("source", Endpoint(), _ENDPOINT)
_DESTINATION = Repeated("destination", Endpoint(), _ENDPOINT)
_LABELS: Repeated[list[str]] = Repeated("node_labels", [], msgspec.json.Decoder(list[list[str] | None]))
_NO_ADDRESS = Address()
_LAYER4 = ("TCP", "UDP", "SCTP", "ICMPv4", "ICMPv6", "VRRP", "IGMP")


def flow_table(flows: list[Flow], rows: Sequence[int], cluster: str) -> tuple[pa.Table, list[Rejected]]:
    """The flows that have a time, and the others with the reason; `rows` are their line numbers."""
    time = microseconds([f.time for f in flows])
    source = _SOURCE.decode([f.source for f in flows])
    destination = _DESTINATION.decode([f.destination for f in flows])
    labels = _LABELS.decode([f.node_labels for f in flows])
    places = _places(flows, labels)
    columns = {
        "cluster": cluster,
        "time": time,
        "node": places["node"],
        **_endpoint("source", source, places),
        **_endpoint("destination", destination, places),
        **_columns(flows),
        **_layers(flows),
        **observed_bytes(flows),
    }
    table = to_table("flow", columns, len(flows))
    bad = labels.refused() | destination.refused() | source.refused()
    if time.null_count:
        for place, known in enumerate(time.is_valid().to_pylist()):
            if not known:
                bad.setdefault(place, _no_time(flows[place].time))
    if not bad:
        return table, []
    refused = [reason._replace(row=rows[place]) for place, reason in sorted(bad.items())]
    return table.filter(pa.array([place not in bad for place in range(len(flows))])), refused


def _no_time(text: str | None) -> Rejected:
    if text is None:
        return Rejected("missing_field", "no time")
    return Rejected("wrong_type", f"time is {text[:40]!r}, not RFC 3339")


def _columns(flows: list[Flow]) -> dict[str, Any]:
    addresses = [f.IP or _NO_ADDRESS for f in flows]
    direction = _texts([f.traffic_direction for f in flows])
    return {
        "uuid": [f.uuid for f in flows],
        "verdict": _texts([f.verdict or "VERDICT_UNKNOWN" for f in flows]),
        "direction": pc.if_else(pc.is_in(direction, _DIRECTIONS), direction, _NO_TEXT),
        "is_reply": [True if f.reply else f.is_reply for f in flows],
        "drop_reason": _texts([f.drop_reason_desc for f in flows]),
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


def _endpoint(
    side: str, endpoints: Distinct[Endpoint], places: dict[str, pa.StringArray]
) -> dict[str, pa.StringArray]:
    """Hubble tells the place of the endpoints on the observing node only: those have an endpoint id."""
    local = endpoints.holds(lambda e: bool(e.ID) or e.identity == _HOST)
    return {
        f"{side}_namespace": endpoints.text(lambda e: e.namespace),
        f"{side}_pod": endpoints.text(lambda e: e.pod_name),
        f"{side}_workload": endpoints.text(
            lambda e: _workload(e.workloads[0]) if e.workloads else e.pod_name
        ),
        **{f"{side}_{name}": pc.if_else(local, place, _NO_TEXT) for name, place in places.items()},
    }


def _workload(workload: Workload) -> str:
    return f"{workload.kind}/{workload.name}" if workload.kind else workload.name


def _layers(flows: list[Flow]) -> dict[str, Any]:
    layer4 = [f.l4 or _NO_LAYER4 for f in flows]
    ports = [l4.TCP or l4.UDP or l4.SCTP or _NO_PORTS for l4 in layer4]
    flags = [p.flags or _NO_FLAGS for p in ports]
    protocol = [
        "TCP" if l4.TCP is not None else "UDP" if l4.UDP is not None else _transport(l4) for l4 in layer4
    ]
    applications = _applications(flows, protocol)
    return {
        "protocol": protocol,
        "opens_connection": [f.SYN and not f.ACK for f in flags],
        "source_port": [p.source_port for p in ports],
        "destination_port": [p.destination_port for p in ports],
        **applications,
    }


def _transport(layer: Layer4) -> str | None:
    return next((p for p in _LAYER4 if getattr(layer, p) is not None), None)


def _applications(flows: list[Flow], transport: list[str | None]) -> dict[str, Any]:
    """What proxies tell, which of most flows is nothing; `transport` becomes the protocol above it."""
    told = [(i, f.l7) for i, f in enumerate(flows) if f.l7 is not None]
    if not told:
        return {}
    nothing: list[Any] = [None] * len(flows)
    rcode, status, latency = nothing, nothing.copy(), nothing.copy()
    for i, l7 in told:
        latency[i] = l7.latency_ns
        if (dns := l7.dns) is not None:
            transport[i] = "DNS"
            if l7.type == "RESPONSE":
                rcode[i] = dns.rcode
        elif l7.kafka is not None:
            transport[i] = "Kafka"
        if (http := l7.http) is not None:
            transport[i] = "HTTP"
            status[i] = http.code
    return {"dns_rcode": rcode, "http_status": status, "latency_seconds": _seconds(latency)}


def _texts(values: Sequence[str | int | None]) -> pa.StringArray:
    """Proto3 JSON writes 64-bit integers as texts, and enums by their names; who does not, wrote a number."""
    try:
        return pa.array(values, pa.string())
    except pa.ArrowTypeError:
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _seconds(nanoseconds: list[str | int | None]) -> pa.DoubleArray:
    texts = _texts(nanoseconds)
    digits = pc.if_else(pc.match_substring_regex(texts, "^[0-9]{1,18}$"), texts, _NO_TEXT)
    return pc.multiply(digits.cast(pa.int64()).cast(pa.float64(), safe=False), 1e-9)
