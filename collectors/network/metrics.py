"""Which byte counters the ledger uses, and from whom to whom each counts: cAdvisor's, OBI's and Retina's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from collectors.dcgm.devices import first

Labels = Mapping[str, str]

OWNERS = ("kube_pod_info", "kube_replicaset_owner", "kube_job_owner")
"""Of kube-state-metrics: who owns a pod, and whether it has the network of its node."""

_NODES_OWN = ("veth", "cali", "cilium_", "lxc", "cni", "docker", "flannel", "azv", "eni")
"""Interfaces by which nodes reach their pods."""
_UNKNOWN = ("", "unknown", "<none>")


class End(NamedTuple):
    namespace: str = ""
    pod: str = ""
    workload: str = ""
    """As the source names it; '' where it names the pod alone."""
    node: str = ""
    zone: str = ""
    ip: str = ""


class Sent(NamedTuple):
    source: End
    destination: End = End()
    """All empty where the counter has all that a pod sent."""


class Bytes(NamedTuple):
    method: str
    read: Callable[[Labels], Sent | str]
    """Who sent to whom, or the name under which the series is left out."""


def _cadvisor(labels: Labels) -> Sent | str:
    """A pod's network is that of its sandbox; series without a pod are the node's own."""
    if not pod_of(labels)[1]:
        return "no_pod"
    if labels.get("interface") == "lo":
        return "loopback"
    return Sent(End(*pod_of(labels), node=labels.get("node", "")))


def pod_of(labels: Labels) -> tuple[str, str]:
    """Namespace and name, as a scrape has them with or without the exporter's own."""
    return first(labels, "exported_namespace", "namespace"), first(labels, "exported_pod", "pod")


def shows_a_node(labels: Labels) -> bool:
    """Whether a series of a pod is about an interface that only nodes have: it has its node's network."""
    return labels.get("interface", "").startswith(_NODES_OWN)


def _obi(labels: Labels) -> Sent | str:
    """Both nodes report what passes between them: only the sender's own counts."""
    told, ours = labels.get("obi_ip", ""), labels.get("k8s_src_node_ip", "")
    if not told or not ours:
        return "sender_unknown"
    if told != ours:
        return "other_side"
    source, destination = (_obi_end(labels, side) for side in ("src", "dst"))
    return Sent(source, destination) if source.namespace else "no_pod"


def _obi_end(labels: Labels, side: str) -> End:
    kind, owner = labels.get(f"k8s_{side}_owner_type", ""), labels.get(f"k8s_{side}_owner_name", "")
    is_pod = labels.get(f"k8s_{side}_type", "Pod") == "Pod"
    return End(
        labels.get(f"k8s_{side}_namespace", ""), labels.get(f"k8s_{side}_name", "") if is_pod else "",
        f"{kind}/{owner}" if kind and owner else owner, labels.get(f"k8s_{side}_node_name", ""),
        labels.get(f"{side}_zone", ""), labels.get(f"{side}_address", ""),
    )  # fmt: skip


def _retina(labels: Labels) -> Sent | str:
    """Advanced metrics, with both ends or with the pod alone; what a pod received is its peer's."""
    if labels.get("direction", "").lower() != "egress":
        return "other_side"
    if "podname" in labels:
        source, destination = _retina_end(labels, ""), End()
    else:
        source, destination = (_retina_end(labels, side) for side in ("source_", "destination_"))
    return Sent(source, destination) if source.pod else "no_pod"


def _retina_end(labels: Labels, side: str) -> End:
    def told(name: str) -> str:
        value = labels.get(side + name, "")
        return "" if value in _UNKNOWN else value

    kind, name = told("workload_kind"), told("workload_name")
    workload = f"{kind}/{name}" if kind and name else ""
    return End(told("namespace"), told("podname"), workload, zone=told("zone"), ip=told("ip"))


METRICS: dict[str, Bytes] = {
    "container_network_transmit_bytes_total": Bytes("cadvisor", _cadvisor),
    "obi_network_flow_bytes_total": Bytes("obi", _obi),
    "beyla_network_flow_bytes_total": Bytes(
        "obi", lambda labels: _obi({**labels, "obi_ip": labels.get("beyla_ip", "")})
    ),
    "networkobservability_adv_forward_bytes": Bytes("retina", _retina),
}
