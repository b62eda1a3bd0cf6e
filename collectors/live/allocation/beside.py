"""What is told beside devices for its price: CPUs and memory of nodes, volumes and load balancers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from collectors.live.allocation.book import Row
from collectors.live.allocation.meta import Labels, Meta, created
from collectors.quantity import quantity
from pipeline.errors import ConfigError

OF_NODES = {"cpu": 1_000, "memory": 1}
"""Resources of a node, and the parts in which they are counted: millicores and bytes."""
VOLUME, LOAD_BALANCER = "volume", "load_balancer"
FOLLOWED = {VOLUME: "persistentvolumeclaims", LOAD_BALANCER: "services"}
HOLDING = {resource: f"{resource}-holding" for resource in FOLLOWED}
"""What is settled of each beside its place in the inventory."""
KEY = "allocation.beside"

Amounts = dict[str, str | int]
Sizes = tuple[tuple[str, int], ...]
"""Amounts of resources, in their parts, sorted by name."""


def words(text: str) -> frozenset[str]:
    """The resources that a setting names; ConfigError for another."""
    found = frozenset(word for part in text.split(",") if (word := part.strip()))
    known = (*OF_NODES, *FOLLOWED)
    for word in sorted(found.difference(known)):
        raise ConfigError(KEY, word, f"there are {', '.join(known)}")
    return found


def sizes(amounts: Mapping[str, str | int] | None, wanted: frozenset[str]) -> Sizes:
    """Those of a node that are wanted, rounded up; what is no quantity, or none of it, is left out."""
    found = {name: quantity((amounts or {}).get(name)) for name in sorted(wanted & OF_NODES.keys())}
    parts = {name: -int(-value * OF_NODES[name] // 1) for name, value in found.items() if value}
    return tuple((name, value) for name, value in parts.items() if 0 < value < 2**60)


def of_pod(requests: Sizes, node: str, capacity: Sizes) -> Iterator[Row]:
    """What a pod has of its node: what it requests, so what nobody else can have; that may be none."""
    whole = dict(capacity)
    for name, amount in requests:
        if name in whole:
            share = {"share_units": amount, "device_units": whole[name], "method": "whole"}
            yield {"place": name, "device": f"{node}/{name}", "container": None, "share_id": None, **share}


def of_node(capacity: Sizes, node: str) -> Iterator[Row]:
    for name, amount in capacity:
        yield {"place": name, "device": f"{node}/{name}", "resource": name, "quantity": amount}


class Thing(NamedTuple):
    """A volume or load balancer of a namespace."""

    uid: str
    namespace: str
    name: str
    resource: str
    kind: str
    quantity: int
    """Bytes of a volume; 0 of what there is not yet."""
    storage_class: str
    created: int | None
    labels: Labels

    @property
    def device(self) -> str:
        return f"{self.resource}/{self.namespace}/{self.name}"

    def listed(self) -> Row:
        """Its row in the inventory; a volume's class is its instance type."""
        of = {"resource": self.resource, "quantity": self.quantity, "health": "healthy"}
        kind = {"instance_type": self.storage_class or None}
        return {"place": "", "device": self.device, "start": self.created, **of, **kind}

    def held(self, team: str | None) -> Row:
        """It holds itself whole, whoever mounts it or is behind it."""
        who = {"namespace": self.namespace, "workload": f"{self.kind}/{self.name}", "team": team}
        share = {"share_units": 1, "device_units": 1, "method": "whole", "admin_access": False}
        known = {"start": self.created, "start_quality": "observed" if self.created is None else "exact"}
        return {"place": "", "device": self.device, "consumer_uid": self.uid, **who, **share, **known}


class _Claimed(msgspec.Struct):
    storageClassName: str | None = None


class _Bound(msgspec.Struct):
    phase: str | None = None
    capacity: Amounts | None = None


class _Claim(msgspec.Struct):
    metadata: Meta
    spec: _Claimed = msgspec.field(default_factory=_Claimed)
    status: _Bound = msgspec.field(default_factory=_Bound)


class _Exposed(msgspec.Struct):
    type: str | None = None


class _Balancer(msgspec.Struct):
    ingress: list[msgspec.Raw] | None = None


class _Served(msgspec.Struct):
    loadBalancer: _Balancer = msgspec.field(default_factory=_Balancer)


class _Service(msgspec.Struct):
    metadata: Meta
    spec: _Exposed = msgspec.field(default_factory=_Exposed)
    status: _Served = msgspec.field(default_factory=_Served)


_CLAIM, _SERVICE = msgspec.json.Decoder(_Claim), msgspec.json.Decoder(_Service)


def volumes(labels: frozenset[str]) -> Callable[[bytes], Thing]:
    """A bound claim is a volume of the size that it was given."""

    def reduce(data: bytes) -> Thing:
        one = _CLAIM.decode(data)
        size = quantity((one.status.capacity or {}).get("storage")) if one.status.phase == "Bound" else None
        storage = one.spec.storageClassName or ""
        return _thing(one.metadata, labels, VOLUME, "PersistentVolumeClaim", int(size or 0), storage)

    return reduce


def load_balancers(labels: frozenset[str]) -> Callable[[bytes], Thing]:
    """A Service that was given an address outside."""

    def reduce(data: bytes) -> Thing:
        one = _SERVICE.decode(data)
        given = one.spec.type == "LoadBalancer" and one.status.loadBalancer.ingress
        return _thing(one.metadata, labels, LOAD_BALANCER, "Service", int(bool(given)), "")

    return reduce


def _thing(meta: Meta, labels: frozenset[str], resource: str, kind: str, amount: int, storage: str) -> Thing:
    kept = {k: v for k, v in (meta.labels or {}).items() if k in labels}
    uid = meta.uid or f"{resource}/{meta.namespace}/{meta.name}"
    return Thing(uid, meta.namespace, meta.name, resource, kind, amount, storage, created(meta), kept)
