"""Relay's answers as what a line of an export file decodes to, so that both mean the same.

Zero and empty values are left out in Cilium's JSON; so they are here.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct

from collectors.hubble import lines
from collectors.live.hubble import relay_names as names
from collectors.live.hubble.relay_messages import Endpoint, Response, Retina
from pipeline.events import Rejected

_ENCODE = msgspec.json.Encoder().encode
_LARGEST_PORT = 65_535
_DEFAULT_CLUSTER = "default/"
"""Stands before the node in flows and not in relay's words about nodes; another cluster's name is in both."""
_NOTHING = lines.Anything()


class Status(NamedTuple):
    """Relay's word about nodes; the state is one of cilium/api/v1/relay/relay.proto."""

    state: int
    nodes: tuple[str, ...]
    message: str


class Received(NamedTuple):
    """One answer: what it says as a line, and who said it when."""

    line: lines.Decoded
    identity: str
    """The same for the same flow, also when it is sent again; '' for what is no flow and no loss."""
    node: str
    time: int
    """Nanoseconds since 1970 UTC; 0 where none is told."""
    status: Status | None = None


def received(data: bytes) -> Received:
    """One GetFlowsResponse; what cannot be taken is a refused line, whose row the parser gives."""
    try:
        answer = Response.FromString(data)
        node = answer.node_name.removeprefix(_DEFAULT_CLUSTER)
        time = answer.time.seconds * 10**9 + answer.time.nanos
        if answer.HasField("flow"):
            line: lines.Decoded = _flow(answer.flow)
            return Received(line, _digest(answer.flow.uuid.encode() or data), node, time)
        if answer.HasField("lost_events"):
            return Received(_lost(answer), _digest(data), node, time)
        if answer.HasField("node_status"):
            told = answer.node_status
            status = Status(told.state_change, tuple(told.node_names), told.message)
            return Received(lines.Other(node_status=_NOTHING), "", node, time, status)
        line = Rejected("missing_field", "no flow, no loss, no state of a node")
    except DecodeError as error:
        line, node, time = Rejected("malformed", f"no GetFlowsResponse: {error}"), "", 0
    except _WrongType as error:
        line = Rejected("wrong_type", str(error))
    return Received(line, "", node, time)


class _WrongType(Exception):
    """What a line of a file would be refused for."""


def _digest(data: bytes) -> str:
    return b64encode(blake2b(data, digest_size=9).digest()).decode()


def _flow(flow: Any) -> lines.Flow:
    has = flow.HasField
    return lines.Flow(
        time=rfc3339(flow.time) if has("time") else None,
        uuid=flow.uuid,
        verdict=_name(names.VERDICTS, flow.verdict),
        drop_reason_desc=_name(names.DROPS, flow.drop_reason_desc),
        IP=lines.Address(flow.IP.source, flow.IP.destination) if has("IP") else None,
        l4=_layer4(flow.l4) if has("l4") else None,
        source=_endpoint(flow.source),
        destination=_endpoint(flow.destination),
        node_name=flow.node_name,
        node_labels=_labels(tuple(flow.node_labels)),
        l7=_layer7(flow.l7) if has("l7") else None,
        reply=flow.reply,
        is_reply=flow.is_reply.value if has("is_reply") else None,
        traffic_direction=_name(names.DIRECTIONS, flow.traffic_direction),
        trace_observation_point=_name(names.POINTS, flow.trace_observation_point),
        extensions=_extensions(flow.extensions) if has("extensions") else lines.NULL,
    )


def rfc3339(time: Any) -> str:
    """A Timestamp as the exporter writes it; one that no calendar has is told as seconds."""
    return f"{_second(time.seconds)}.{time.nanos:09d}Z"


@lru_cache(1_024)
def _second(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def _name(known: dict[int, str], number: int) -> str | None:
    """A number that came after this table stands for itself."""
    return known.get(number, str(number)) if number else None


def _layer4(layer: Any) -> lines.Layer4:
    has = layer.HasField
    return lines.Layer4(
        TCP=_ports(layer.TCP) if has("TCP") else None,
        UDP=_ports(layer.UDP) if has("UDP") else None,
        SCTP=_ports(layer.SCTP) if has("SCTP") else None,
        ICMPv4=lines.Ports() if has("ICMPv4") else None,
        ICMPv6=lines.Ports() if has("ICMPv6") else None,
    )


def _ports(ports: Any) -> lines.Ports:
    flags = lines.Flags(ports.flags.SYN, ports.flags.ACK) if ports.HasField("flags") else None
    return lines.Ports(_port(ports.source_port), _port(ports.destination_port), flags)


def _port(number: int) -> int:
    if number > _LARGEST_PORT:
        raise _WrongType(f"{number} is above {_LARGEST_PORT}")
    return number or lines.ABSENT


def _layer7(layer: Any) -> lines.Layer7:
    has = layer.HasField
    return lines.Layer7(
        type=_name(names.LAYER7, layer.type) or "",
        latency_ns=layer.latency_ns or None,
        dns=lines.Dns(max(_port(layer.dns.rcode), 0)) if has("dns") else None,
        http=lines.Http(_port(layer.http.code)) if has("http") else None,
        kafka=_NOTHING if has("kafka") else None,
    )


def _lost(answer: Any) -> lines.Other:
    told = answer.lost_events
    loss = lines.Lost(
        source=_name(names.LOST, told.source) or "",
        num_events_lost=told.num_events_lost,
        first=rfc3339(told.first) if told.HasField("first") else None,
        last=rfc3339(told.last) if told.HasField("last") else None,
    )
    time = rfc3339(answer.time) if answer.HasField("time") else None
    return lines.Other(lost_events=loss, node_name=answer.node_name, time=time)


@lru_cache(16_384)
def _endpoint(data: bytes) -> lines.Endpoint | None:
    """Pods repeat from flow to flow."""
    if not data:
        return None
    try:
        told = Endpoint.FromString(data)
    except DecodeError as error:
        raise _WrongType(f"no endpoint: {error}") from None
    workloads = [lines.Workload(w.name, w.kind) for w in told.workloads] or None
    return lines.Endpoint(told.ID, told.identity, told.namespace, told.pod_name, workloads)


@lru_cache(1_024)
def _labels(labels: tuple[str, ...]) -> msgspec.Raw:
    return msgspec.Raw(_ENCODE(labels)) if labels else lines.NULL


def _extensions(told: Any) -> msgspec.Raw:
    """Retina's bytes in either of its two shapes; what else there may be is not read."""
    name = told.type_url.rpartition("/")[2]
    read: Callable[[bytes], Any] | None = _EXTENSIONS.get(name)
    try:
        return lines.NULL if read is None else msgspec.Raw(_ENCODE(read(told.value)))
    except DecodeError:
        return lines.NULL


def _retina(data: bytes) -> dict[str, int]:
    told = Retina.FromString(data)
    return {"bytes": told.bytes, "previously_observed_bytes": told.previously_observed_bytes}


def _struct(data: bytes) -> dict[str, Any]:
    fields = Struct.FromString(data).fields
    numbers = {k: v.number_value for k, v in fields.items() if v.HasField("number_value")}
    return {"value": {k: v for k, v in numbers.items() if k in ("bytes", "previously_observed_bytes")}}


_EXTENSIONS = {"utils.RetinaMetadata": _retina, "google.protobuf.Struct": _struct}
