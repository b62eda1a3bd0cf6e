"""What is asked of hubble-relay and what it answers: the part of Cilium's messages that the ledger reads.

Names and numbers are those of cilium/api/v1/{observer,flow,relay}/*.proto; other fields are skipped while
decoding.  An enum is its number, and an endpoint, which repeats from flow to flow, stays bytes: both have the
same form on the wire.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "driftledger.hubble"
_Type = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _Type.TYPE_BOOL,
    "bytes": _Type.TYPE_BYTES,
    "enum": _Type.TYPE_INT32,
    "int64": _Type.TYPE_INT64,
    "string": _Type.TYPE_STRING,
    "uint32": _Type.TYPE_UINT32,
    "uint64": _Type.TYPE_UINT64,
}
_MESSAGES = {
    "Time": "seconds 1 int64, nanos 2 enum",
    "Mask": "paths 1 *string",
    "Request": "follow 3 bool, since 7 Time, field_mask 10 Mask",
    "Response": "flow 1 Flow, node_status 2 NodeStatus, lost_events 3 Lost, node_name 1000 string, "
    "time 1001 Time",
    "NodeStatus": "state_change 1 enum, node_names 2 *string, message 3 string",
    "Lost": "source 1 enum, num_events_lost 2 uint64, first 4 Time, last 5 Time",
    "Flow": "time 1 Time, verdict 2 enum, IP 5 IP, l4 6 Layer4, source 8 bytes, destination 9 bytes, "
    "node_name 11 string, l7 15 Layer7, reply 16 bool, traffic_direction 22 enum, "
    "trace_observation_point 24 enum, drop_reason_desc 25 enum, is_reply 26 Bool, uuid 34 string, "
    "node_labels 37 *string, extensions 150000 Any",
    "Bool": "value 1 bool",
    "Any": "type_url 1 string, value 2 bytes",
    "IP": "source 1 string, destination 2 string",
    "Layer4": "TCP 1 Ports, UDP 2 Ports, ICMPv4 3 Empty, ICMPv6 4 Empty, SCTP 5 Ports",
    "Ports": "source_port 1 uint32, destination_port 2 uint32, flags 3 Flags",
    "Flags": "SYN 2 bool, ACK 5 bool",
    "Layer7": "type 1 enum, latency_ns 2 uint64, dns 100 Dns, http 101 Http, kafka 102 Empty",
    "Dns": "rcode 6 uint32",
    "Http": "code 1 uint32",
    "Empty": "",
    "Endpoint": "ID 1 uint32, identity 2 uint32, namespace 3 string, pod_name 5 string, "
    "workloads 6 *Workload",
    "Workload": "name 1 string, kind 2 string",
    "Retina": "bytes 1 uint32, previously_observed_bytes 7 uint32",
}
"""Fields as `name number type`; a star is any number of them."""


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="driftledger/hubble.proto", package=_PACKAGE)
    file.syntax = "proto3"
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for text in filter(None, fields.split(", ")):
            field, number, kind = text.split()
            label = _Type.LABEL_REPEATED if kind.startswith("*") else _Type.LABEL_OPTIONAL
            kind = kind.removeprefix("*")
            made = message.field.add(name=field, number=int(number), label=label)
            made.type = _SCALARS.get(kind, _Type.TYPE_MESSAGE)
            if kind not in _SCALARS:
                made.type_name = f".{_PACKAGE}.{kind}"
    return file


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_file())


def descriptor(name: str) -> Any:
    return _POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}")


def _class(name: str) -> Any:
    return message_factory.GetMessageClass(descriptor(name))


Request = _class("Request")
Response = _class("Response")
Endpoint = _class("Endpoint")
Retina = _class("Retina")
MASK = tuple(field.name for field in descriptor("Flow").fields)
"""Paths of the fields of a flow that are read."""
