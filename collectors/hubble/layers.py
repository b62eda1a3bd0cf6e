"""Protocols of decoded Hubble flows as columns of the `flow` event: ports, flags and what proxies tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from collectors.hubble.lines import Flags, Flow, Layer4, Layer7, Ports

NO_TEXT = pa.scalar(None, pa.string())
_NO_PORTS = Ports()
_NO_FLAGS = Flags()
_NO_LAYER4 = Layer4()
_NO_LAYER7 = Layer7()
_LAYER4 = ("TCP", "UDP", "SCTP", "ICMPv4", "ICMPv6", "VRRP", "IGMP")


def layers(flows: list[Flow]) -> dict[str, Any]:
    """Columns of n rows, as lists or arrays; those of proxies only where one tells something."""
    layer4 = [f.l4 or _NO_LAYER4 for f in flows]
    ports = [l4.TCP or l4.UDP or l4.SCTP or _NO_PORTS for l4 in layer4]
    flags = [p.flags or _NO_FLAGS for p in ports]
    protocol = [
        "TCP" if l4.TCP is not None else "UDP" if l4.UDP is not None else _transport(l4) for l4 in layer4
    ]
    return {
        "protocol": protocol,
        "opens_connection": [f.SYN and not f.ACK for f in flags],
        "source_port": [p.source_port for p in ports],
        "destination_port": [p.destination_port for p in ports],
        **_applications([f.l7 for f in flows], protocol),
    }


def _transport(layer: Layer4) -> str | None:
    return next((p for p in _LAYER4 if getattr(layer, p) is not None), None)


def _applications(told: list[Layer7 | None], transport: list[str | None]) -> dict[str, Any]:
    """What proxies tell, which of most flows is nothing; the protocol is then the one above `transport`."""
    if told.count(None) == len(told):
        return {}
    layer7 = [l7 or _NO_LAYER7 for l7 in told]
    below = [
        "DNS" if l7.dns is not None else "Kafka" if l7.kafka is not None else name
        for l7, name in zip(layer7, transport, strict=True)
    ]
    https = [l7.http for l7 in layer7]
    return {
        "protocol": ["HTTP" if http is not None else name for http, name in zip(https, below, strict=True)],
        "dns_rcode": [
            l7.dns.rcode if l7.dns is not None and l7.type == "RESPONSE" else None for l7 in layer7
        ],
        "http_status": [None if http is None else http.code for http in https],
        "latency_seconds": _seconds([l7.latency_ns for l7 in layer7]),
    }


def texts(values: Sequence[str | int | None]) -> pa.StringArray:
    """Proto3 JSON writes 64-bit integers as texts, and enums by their names; who does not, wrote a number."""
    try:
        return pa.array(values, pa.string())
    except pa.ArrowTypeError:
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _seconds(nanoseconds: list[str | int | None]) -> pa.DoubleArray:
    """What is no whole number of at most 18 digits is null."""
    told = texts(nanoseconds)
    whole = pc.and_(pc.ascii_is_decimal(told), pc.less_equal(pc.binary_length(told), 18))
    digits = pc.if_else(whole, told, NO_TEXT)
    return pc.multiply(digits.cast(pa.int64()).cast(pa.float64(), safe=False), 1e-9)
