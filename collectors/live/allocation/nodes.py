"""What is kept of a node: where it stands, what it costs by, and which devices its plugins offer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from collectors import device_products
from collectors.live.allocation.beside import Sizes, sizes
from collectors.live.allocation.hami import Registered, registered
from collectors.live.allocation.meta import Labels, Meta, created

_CAPACITY_TYPES = {
    "on-demand": "on-demand", "spot": "spot", "reserved": "reserved", "ON_DEMAND": "on-demand",
    "SPOT": "spot", "CAPACITY_BLOCK": "reserved", "standard": "on-demand",
}  # fmt: skip
_CAPACITY_LABELS = ("karpenter.sh/capacity-type", "eks.amazonaws.com/capacityType")
_SPOT_LABELS = {"cloud.google.com/gke-spot": "true", "kubernetes.azure.com/scalesetpriority": "spot"}
_PROVIDERS = {"gce": "gcp"}


class _Spec(msgspec.Struct):
    providerID: str | None = None
    podCIDR: str | None = None
    podCIDRs: list[str] | None = None
    unschedulable: bool | None = None


class _Condition(msgspec.Struct):
    type: str = ""
    status: str = ""


class _Address(msgspec.Struct):
    type: str = ""
    address: str = ""


class _Status(msgspec.Struct):
    addresses: list[_Address] | None = None
    capacity: dict[str, str | int] | None = None
    conditions: list[_Condition] | None = None


class _Node(msgspec.Struct):
    metadata: Meta
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


class Node(NamedTuple):
    uid: str
    name: str
    created: int | None
    labels: Labels
    capacity: tuple[tuple[str, int], ...]
    """Devices of each resource, sorted by its name."""
    sizes: Sizes
    """All its CPUs and memory, where they are told."""
    hami: tuple[Registered, ...]
    provider: str
    health: str
    """Of all its devices: unhealthy while it is not ready, unschedulable while it is cordoned."""
    addresses: tuple[str, ...] = ()
    """Of its own, inside and outside."""
    ranges: tuple[str, ...] = ()
    """Of its pods' addresses."""
    shared: tuple[tuple[str, int], ...] = ()
    """How many share a device of each resource that a setting names."""

    @property
    def place(self) -> dict[str, str | None]:
        """What a price can depend on, as columns of a device."""
        label = self.labels.get
        spot = any(label(k) == v for k, v in _SPOT_LABELS.items())
        told = next((v for k in _CAPACITY_LABELS if (v := label(k))), "")
        return {
            "provider": self.provider or None,
            "region": label("topology.kubernetes.io/region"),
            "zone": label("topology.kubernetes.io/zone"),
            "instance_type": label("node.kubernetes.io/instance-type"),
            "os": label("kubernetes.io/os"),
            "capacity_type": "spot" if spot else _CAPACITY_TYPES.get(told),
            "health": self.health,
        }

    @property
    def slice(self) -> str:
        """MIG profile of all that the node offers as GPUs, as NVIDIA's single strategy has it; '' is none."""
        return self.labels.get("nvidia.com/gpu.product", "").removesuffix("-SHARED").partition("-MIG-")[2]

    @property
    def cards(self) -> int:
        """GPUs in it, sliced ones too; 0 where its labels count something else, or nothing."""
        told = self.labels.get("nvidia.com/gpu.count", "")
        mixed = self.labels.get("nvidia.com/mig.strategy") == "mixed"
        return min(int(told), 64) if mixed and told.isdecimal() and len(told) < 6 else 0

    @property
    def replicas(self) -> int:
        """How many share a device, as NVIDIA's feature discovery labels it; 1 where none do."""
        told = self.labels.get("nvidia.com/gpu.replicas", "")
        return int(told) if told.isdecimal() and 1 <= int(told) <= 10_000 else 1


def _health(node: _Node) -> str:
    if any(c.type == "Ready" and c.status != "True" for c in node.status.conditions or ()):
        return "unhealthy"
    return "unschedulable" if node.spec.unschedulable else "healthy"


_LABELS = frozenset({
    "topology.kubernetes.io/region", "topology.kubernetes.io/zone", "node.kubernetes.io/instance-type",
    "kubernetes.io/os",
    "nvidia.com/gpu.replicas", "nvidia.com/gpu.sharing-strategy", "nvidia.com/gpu.memory",
    "nvidia.com/gpu.count", "nvidia.com/mig.strategy",
    *device_products.LABELS, *_CAPACITY_LABELS, *_SPOT_LABELS,
})  # fmt: skip
_OWN = ("InternalIP", "ExternalIP")
_DECODER = msgspec.json.Decoder(_Node)


def reducer(
    is_device: Callable[[str], bool], beside: frozenset[str], shared: Mapping[str, int]
) -> Callable[[bytes], Node]:
    """`is_device` says which resources are devices, `beside` what else is told, `shared` how many are one."""
    replicas = tuple(shared.items())

    def reduce(data: bytes) -> Node:
        node = _DECODER.decode(data)
        meta = node.metadata
        offered = {
            k: int(v) for k, v in (node.status.capacity or {}).items() if is_device(k) and str(v).isdecimal()
        }
        scheme = (node.spec.providerID or "").partition(":")[0]
        return Node(
            uid=meta.uid or meta.name,
            name=meta.name,
            created=created(meta),
            labels={k: v for k, v in (meta.labels or {}).items() if k in _LABELS},
            capacity=tuple(sorted((k, min(v, 1_024)) for k, v in offered.items() if v > 0)),
            sizes=sizes(node.status.capacity, beside),
            hami=registered(meta.annotations or {}),
            provider=_PROVIDERS.get(scheme, scheme),
            health=_health(node),
            addresses=tuple(a.address for a in node.status.addresses or () if a.type in _OWN),
            ranges=tuple(node.spec.podCIDRs or ([node.spec.podCIDR] if node.spec.podCIDR else [])),
            shared=replicas,
        )

    return reduce
