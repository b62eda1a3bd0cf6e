"""The part of Hubble's JSON that the ledger reads: one line of an export file or of `hubble observe -o json`.

Shapes: cilium/api/v1/flow/flow.proto and observer.proto in proto3 JSON (64-bit integers are strings,
zero values are left out, so that '' and none mean the same).  Unknown keys are skipped without being decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, cast

import msgspec

from collectors.json_lines import as_lines
from pipeline.events import Rejected

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
ABSENT = -1
"""Of a number that is never negative."""


Name = str | int
"""Of an enum: who wrote the line says the number of one that is newer than he is."""


class Workload(msgspec.Struct, gc=False):
    name: str = ""
    kind: str = ""


class Endpoint(msgspec.Struct, gc=False):
    ID: int = 0
    """Endpoint id: only endpoints on the observing node have one."""
    identity: int = 0
    namespace: str | None = ""
    pod_name: str | None = ""
    workloads: list[Workload] | None = None


class Address(msgspec.Struct, gc=False):
    source: str | None = ""
    destination: str | None = ""


class Flags(msgspec.Struct, gc=False):
    SYN: bool = False
    ACK: bool = False


class Ports(msgspec.Struct, gc=False):
    source_port: Port | None = ABSENT
    destination_port: Port | None = ABSENT
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
    code: Port | None = ABSENT


class Anything(msgspec.Struct, gc=False):
    """A message of which only the presence counts."""


class Dns(msgspec.Struct, gc=False):
    rcode: Port = 0
    """RFC 1035's response code; 0, no error, is left out."""


class Layer7(msgspec.Struct, gc=False):
    type: Name = ""
    latency_ns: str | int | None = ""
    dns: Dns | None = None
    http: Http | None = None
    kafka: Anything | None = None


NULL = msgspec.Raw(b"null")


class Flow(msgspec.Struct, gc=False):
    """In the order in which the exporter writes: a key is found sooner where it is expected."""

    time: str | None = ""
    uuid: str | None = ""
    verdict: Name | None = ""
    IP: Address | None = None
    l4: Layer4 | None = None
    source: Endpoint | None = None
    destination: Endpoint | None = None
    node_name: str = ""
    node_labels: msgspec.Raw = NULL
    """Texts `key=value`."""
    l7: Layer7 | None = None
    reply: bool = False
    traffic_direction: Name | None = ""
    trace_observation_point: Name | None = None
    drop_reason_desc: Name | None = ""
    is_reply: bool | None = None
    extensions: msgspec.Raw = NULL
    """What another agent than Cilium's adds, as google.protobuf.Any."""


class Lost(msgspec.Struct, gc=False):
    source: str = ""
    num_events_lost: str | int = 0
    first: str | None = None
    """When the first of them was lost; newer versions tell it."""
    last: str | None = None


class Exported(msgspec.Struct, gc=False):
    """An export event of which only the flow is read: what stands around it says the same again."""

    flow: Flow | None = None


class Other(msgspec.Struct, gc=False):
    """An export event that is no flow."""

    lost_events: Lost | None = None
    node_status: Anything | None = None
    agent_event: Anything | None = None
    debug_event: Anything | None = None
    node_name: str = ""
    time: str | None = None


_EXPORTED = msgspec.json.Decoder(Exported)
_OTHER = msgspec.json.Decoder(Other)
_BARE = msgspec.json.Decoder(Flow)
_RUN_BYTES = 2**19
"""So much is decoded at once; the objects of more would not stay in a core's cache until they are read."""
BAD_JSON = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What decoding raises."""

Decoded = Flow | Other | Rejected

_NO_FLOW = Rejected("missing_field", "neither verdict nor IP: not a flow")


def decode_lines(data: bytes) -> Iterator[list[Decoded]]:
    """Every line that is not blank, in runs; a refused line knows its number among them, from 0."""
    data = as_lines(data)
    whole = memoryview(data)
    start = row = 0
    while start < len(data):
        end = data.find(b"\n", min(start + _RUN_BYTES, len(data))) + 1 or len(data)
        run = _decode_run(whole[start:end], row)
        row, start = row + len(run), end
        yield run
        del run  # its memory serves the next one


def _decode_run(run: memoryview, row: int) -> list[Decoded]:
    """All lines at once; those that are no exported flow, or all where one is bad, one by one."""
    try:
        found = [line.flow for line in _EXPORTED.decode_lines(run)]
    except BAD_JSON:
        found = []  # some line is bad: the pass below says which
    if found and None not in found:
        return cast("list[Decoded]", found)
    lines = [line for line in bytes(run).split(b"\n") if line and not line.isspace()]
    if len(found) != len(lines):
        found = [None] * len(lines)
    return [
        flow or _decode_one(line, row + i) for i, (line, flow) in enumerate(zip(lines, found, strict=True))
    ]


def _decode_one(line: bytes, row: int) -> Decoded:
    try:
        flow = _EXPORTED.decode(line).flow
        if flow is not None:
            return flow
        other = _OTHER.decode(line)
        if kind(other):
            return other
        flow = _BARE.decode(line)
    except BAD_JSON as error:
        return refused(error, row)
    if not flow.verdict and flow.IP is None:
        return _NO_FLOW._replace(row=row)
    return flow


def kind(line: Other) -> str | None:
    """The name under which it is left out; None where it is no export event."""
    kinds = ("lost_events", "node_status", "agent_event", "debug_event")
    return next((name for name in kinds if getattr(line, name) is not None), None)


def refused(error: Exception, row: int | None, field: str = "") -> Rejected:
    """What decoding raised, as a value; of a line, or of one element that stood in a field."""
    wrong_type = isinstance(error, msgspec.ValidationError)
    detail = f"{field}: {error}".replace("$[0]", "$") if field else str(error)
    return Rejected("wrong_type" if wrong_type else "malformed", detail, row)
