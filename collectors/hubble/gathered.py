"""Flows gathered run by run as packed columns, until they make a table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from collectors.hubble.bytes import Observed
from collectors.hubble.labels import Labels
from collectors.hubble.lines import ABSENT, Address, Endpoint, Flow, Layer4, Layer7, Ports, Workload
from collectors.hubble.packed import UNKNOWN, Booleans, Numbers, Texts
from pipeline.events import Rejected

_HOST = 1
"""Cilium's reserved identity of the node itself."""
_LAYER4 = ("TCP", "UDP", "SCTP", "ICMPv4", "ICMPv6", "VRRP", "IGMP")
_NO_ADDRESS = Address()
_NO_LAYER4 = Layer4()
_NO_PORTS = Ports()
_NO_LAYER7 = Layer7()
_NO_ENDPOINT = Endpoint()
_NO_WORKLOAD = Workload()


_TABLE_FLOWS = 32_768
"""So many make one table, whose arrays have a price of their own."""
_TABLE_CHARACTERS = 2**28
"""An Arrow text column holds less than 2^31 bytes, and a character is up to four."""


class End:
    """Who sent, or who received."""

    def __init__(self) -> None:
        self.ip, self.namespace, self.pod = Texts(), Texts(), Texts()
        self.workload = self.pod
        """The same column until an owner is told: where none is, the pod stands for it."""
        self.port = Numbers()
        self.local = Booleans()
        """Hubble tells the place of the endpoints on the observing node only: those have an endpoint id."""

    def add(self, endpoints: list[Endpoint], ports: list[int | None]) -> None:
        pods = [e.pod_name for e in endpoints]
        owners = [e.workloads for e in endpoints]
        if self.workload is self.pod and any(owners):
            self.workload = self.pod.copy()
        if self.workload is not self.pod:
            told = zip([owner[0] if owner else _NO_WORKLOAD for owner in owners], pods, strict=True)
            self.workload.add(
                [f"{w.kind}/{w.name}" if w.kind else pod if w is _NO_WORKLOAD else w.name for w, pod in told]
            )
        self.namespace.add([e.namespace for e in endpoints])
        self.pod.add(pods)
        self.local.add([1 if e.ID or e.identity == _HOST else 0 for e in endpoints])
        self.port.add(ports)


class Gathered:
    """Flows in the order in which they came; every column has one element a flow."""

    def __init__(self) -> None:
        self.count = 0
        self._rows: list[Sequence[int]] = []
        self.time, self.uuid, self.verdict, self.direction = Texts(), Texts(), Texts(), Texts()
        self.drop_reason, self.node, self.protocol, self.latency = Texts(), Texts(), Texts(), Texts()
        self.rcode, self.status = Numbers(), Numbers()
        self.is_reply, self.opens = Booleans(), Booleans()
        self.source, self.destination = End(), End()
        self.labels = Labels()
        self.bytes = Observed()

    @property
    def full(self) -> bool:
        """Whether it is time to make a table of them."""
        parts = (self, self.source, self.destination, self.labels)
        texts = [t for part in parts for t in vars(part).values() if type(t) is Texts]
        return self.count >= _TABLE_FLOWS or max(t.characters for t in texts) > _TABLE_CHARACTERS

    def add(self, flows: list[Flow], rows: Sequence[int]) -> None:
        """The next flows with their line numbers."""
        if not flows:
            return
        self.count += len(flows)
        self._rows.append(rows)
        self.time.add([f.time for f in flows])
        self.uuid.add([f.uuid for f in flows])
        self.verdict.add([f.verdict for f in flows])
        self.direction.add([f.traffic_direction for f in flows])
        self.drop_reason.add([f.drop_reason_desc for f in flows])
        self.node.add([f.node_name for f in flows])
        self.labels.add([f.node_labels for f in flows])
        self.is_reply.add([1 if f.reply else UNKNOWN if f.is_reply is None else f.is_reply for f in flows])
        self.bytes.add(flows)
        addresses = [f.IP or _NO_ADDRESS for f in flows]
        self.source.ip.add([a.source for a in addresses])
        self.destination.ip.add([a.destination for a in addresses])
        layer4 = [f.l4 or _NO_LAYER4 for f in flows]
        ports = [l4.TCP or l4.UDP or l4.SCTP or _NO_PORTS for l4 in layer4]
        flags = [p.flags for p in ports]
        self.opens.add([f is not None and f.SYN and not f.ACK for f in flags])
        self.source.add([f.source or _NO_ENDPOINT for f in flows], [p.source_port for p in ports])
        self.destination.add(
            [f.destination or _NO_ENDPOINT for f in flows], [p.destination_port for p in ports]
        )
        transport = [
            "TCP" if l4.TCP is not None else "UDP" if l4.UDP is not None else _transport(l4) for l4 in layer4
        ]
        self._proxied([f.l7 for f in flows], transport)

    def _proxied(self, told: list[Layer7 | None], transport: list[str]) -> None:
        """What proxies tell, which of most flows is nothing; their protocol is the one above `transport`."""
        if not any(told):
            self.protocol.add(transport)
            self.latency.add_nothing(len(told))
            self.rcode.add([ABSENT] * len(told))
            self.status.add([ABSENT] * len(told))
            return
        layer7 = [l7 or _NO_LAYER7 for l7 in told]
        self.protocol.add(
            [
                "HTTP"
                if l7.http is not None
                else "DNS"
                if l7.dns is not None
                else below
                if l7.kafka is None
                else "Kafka"
                for l7, below in zip(layer7, transport, strict=True)
            ]  # fmt: skip
        )
        self.latency.add([l7.latency_ns for l7 in layer7])
        self.rcode.add(
            [l7.dns.rcode if l7.dns is not None and l7.type == "RESPONSE" else ABSENT for l7 in layer7]
        )
        self.status.add([ABSENT if l7.http is None else l7.http.code for l7 in layer7])

    def rows(self) -> list[int]:
        """The line number of each flow."""
        return list(chain.from_iterable(self._rows))

    def refused(self) -> dict[int, Rejected]:
        """Flows, by their place, of which a part could not be decoded."""
        return self.labels.refused


def _transport(layer: Layer4) -> str:
    return next((name for name in _LAYER4 if getattr(layer, name) is not None), "")
