"""The part of Hubble's JSON that the ledger reads: one line of an export file or of `hubble observe -o json`.

Shapes: cilium/api/v1/flow/flow.proto and observer.proto in proto3 JSON (64-bit integers are strings,
zero values are left out).  Unknown keys are skipped without being decoded, and what repeats from flow to
flow is left as it is for collectors/hubble/distinct.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec

from collectors.json_lines import as_lines
from pipeline.events import Rejected

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


Name = str | int
"""Of an enum: who wrote the line says the number of one that is newer than he is."""


class Workload(msgspec.Struct, gc=False):
    name: str = ""
    kind: str = ""


class Endpoint(msgspec.Struct, gc=False):
    ID: int = 0
    """Endpoint id: only endpoints on the observing node have one."""
    identity: int = 0
    namespace: str | None = None
    pod_name: str | None = None
    workloads: list[Workload] | None = None


class Address(msgspec.Struct, gc=False):
    source: str | None = None
    destination: str | None = None


class Flags(msgspec.Struct, gc=False):
    SYN: bool = False
    ACK: bool = False


class Ports(msgspec.Struct, gc=False):
    source_port: Port | None = None
    destination_port: Port | None = None
    flags: Flags | None = None


class Layer4(msgspec.Struct, gc=False):
    TCP: Ports | None = None
    UDP: Ports | None = None
    SCTP: Ports | None = None
    ICMPv4: Ports | None = None
    ICMPv6: Ports | None = None
    VRRP: Ports | None = None
    IGMP: Ports | None = None


class Http(msgspec.Struct, gc=False):
    code: Port | None = None


class Anything(msgspec.Struct, gc=False):
    """A message of which only the presence counts."""


class Dns(msgspec.Struct, gc=False):
    rcode: Port = 0
    """RFC 1035's response code; 0, no error, is left out."""


class Layer7(msgspec.Struct, gc=False):
    type: Name = ""
    latency_ns: str | int | None = None
    dns: Dns | None = None
    http: Http | None = None
    kafka: Anything | None = None


NULL = msgspec.Raw(b"null")


class Flow(msgspec.Struct, gc=False):
    time: str | None = None
    uuid: str | None = None
    verdict: Name | None = None
    drop_reason_desc: Name | None = None
    IP: Address | None = None
    l4: Layer4 | None = None
    source: msgspec.Raw = NULL
    """An Endpoint."""
    destination: msgspec.Raw = NULL
    """An Endpoint."""
    node_name: str = ""
    node_labels: msgspec.Raw = NULL
    """Texts `key=value`."""
    l7: Layer7 | None = None
    reply: bool = False
    is_reply: bool | None = None
    traffic_direction: Name | None = None
    trace_observation_point: Name | None = None
    extensions: msgspec.Raw = NULL
    """What another agent than Cilium's adds, as google.protobuf.Any."""


class Lost(msgspec.Struct, gc=False):
    source: str = ""
    num_events_lost: str | int = 0
    first: str | None = None
    """When the first of them was lost; newer versions tell it."""
    last: str | None = None


class Line(msgspec.Struct, gc=False):
    """An export event; a bare flow, as older versions of the command print it, leaves all of it empty."""

    flow: Flow | None = None
    lost_events: Lost | None = None
    node_status: Anything | None = None
    agent_event: Anything | None = None
    debug_event: Anything | None = None
    node_name: str = ""
    time: str | None = None


_LINE = msgspec.json.Decoder(Line)
_BARE = msgspec.json.Decoder(Flow)
_CHUNK_BYTES = 4 * 2**20
BAD_JSON = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What decoding raises."""

Decoded = Line | Rejected

_NO_FLOW = Rejected("missing_field", "neither verdict nor IP: not a flow")


def decode_lines(data: bytes) -> Iterator[list[Decoded]]:
    """Every line that is not blank, in runs; a refused line knows its number among them, from 0."""
    data = as_lines(data)
    whole = memoryview(data)
    start = row = 0
    while start < len(data):
        end = data.find(b"\n", min(start + _CHUNK_BYTES, len(data))) + 1 or len(data)
        run = _decode_run(whole[start:end], row)
        yield run
        row += len(run)
        start = end


def _decode_run(run: memoryview, row: int) -> list[Decoded]:
    """All lines at once; only where one of them is bad or bare, line by line."""
    try:
        together = _LINE.decode_lines(run)
        if not [line for line in together if line.flow is None and not _known(line)]:
            return list(together)
    except BAD_JSON:
        pass  # some line is bad: the pass below says which
    lines = [line for line in bytes(run).split(b"\n") if line and not line.isspace()]
    return [_decode_one(line, row + i) for i, line in enumerate(lines)]


def _decode_one(line: bytes, row: int) -> Decoded:
    try:
        decoded = _LINE.decode(line)
        if _known(decoded):
            return decoded
        flow = _BARE.decode(line)
    except BAD_JSON as error:
        return refused(error, row)
    if flow.verdict is None and flow.IP is None:
        return _NO_FLOW._replace(row=row)
    return Line(flow=flow)


def refused(error: Exception, row: int | None, field: str = "") -> Rejected:
    """What decoding raised, as a value; of a line, or of one element that stood in a field."""
    wrong_type = isinstance(error, msgspec.ValidationError)
    detail = f"{field}: {error}".replace("$[0]", "$") if field else str(error)
    return Rejected("wrong_type" if wrong_type else "malformed", detail, row)


def _known(line: Line) -> bool:
    return any((line.flow, line.lost_events, line.node_status, line.agent_event, line.debug_event))
