"""What the cluster looks like beside the allocations: owners, namespaces, nodes, devices, pods."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from collectors.dra.cards import Key, Pool
from collectors.dra.slices import Device, Inventory, inventory, pool_of
from collectors.live.allocation.beside import Thing
from collectors.live.allocation.claims import Claim, Class, Slice
from collectors.live.allocation.meta import ANNOTATION, Labels, Namespace, Owner, Owning
from collectors.live.allocation.nodes import Node
from collectors.live.allocation.pods import Pod
from pipeline.wire import labels

_LONGEST_CHAIN = 8
_BETWEEN = ("ReplicaSet", "Job")
"""Kinds that are watched, since they mostly have an owner themselves."""
_TOP = ("Pod", "Node")
"""Nothing is above a node, which owns the pods of its own files; pods are watched."""
_ASKED = 20_000
"""Owners that are remembered; who is forgotten is asked for again."""
_DEPARTED = 20_000
"""Pods that are remembered after they went: their claims follow within seconds."""


class Names(NamedTuple):
    """Label keys, the first that is there wins; a namespace's where the pod has none."""

    team: tuple[str, ...]
    model: tuple[str, ...]
    version: tuple[str, ...]
    labels: tuple[str, ...] = ()
    """Told as they are."""
    annotations: tuple[str, ...] = ()

    @property
    def all(self) -> frozenset[str]:
        """Annotations as `meta.kept` has them."""
        annotations = (f"{ANNOTATION}{name}" for name in self.annotations)
        return frozenset((*self.team, *self.model, *self.version, *self.labels, *annotations))


@dataclass(slots=True)
class Context:
    names: Names
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    owning: dict[str, Owning] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    things: dict[str, Thing] = field(default_factory=dict)
    """Volumes and load balancers, by uid."""
    departed: OrderedDict[str, Pod] = field(default_factory=OrderedDict)
    groups: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    slices: dict[Pool, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    devices: dict[Pool, dict[Key, Device]] = field(default_factory=dict)
    """Of each pool as it was last whole: a driver that replaces its slices has not lost its devices."""
    classes: dict[str, str] = field(default_factory=dict)
    """Of each DeviceClass that has one, by uid, the extended resource behind which it stands."""
    asked: OrderedDict[str, Owner | None] = field(default_factory=OrderedDict)
    """What controls the owners that were asked for one by one."""
    named: dict[str, dict[tuple[str, str], tuple[str, ...]]] = field(default_factory=dict)
    """By a pod's uid, by container and resource: names of devices that the kubelet does not tell."""
    same: dict[str, str] = field(default_factory=dict)
    """Of a MIG slice by the kubelet's name, the exporter's, where a pod told that they are one."""
    unknown: dict[str, tuple[str, Owner]] = field(default_factory=dict)
    """Owners to ask for, with the namespace, by uid."""
    unsure: bool = False
    """Whether an owner was met that was asked for and not answered yet."""
    missing: set[Any] = field(default_factory=set)
    """uids and names that were asked for and not there: who asked asks again when they come."""

    def put_pod(self, pod: Pod) -> None:
        self.pods[pod.uid] = pod
        if pod.group:
            self.groups[pod.namespace, pod.group].add(pod.uid)

    def pod_gone(self, pod: Pod) -> None:
        self.pods.pop(pod.uid, None)
        self.named.pop(pod.uid, None)
        if pod.group:
            self.groups[pod.namespace, pod.group].discard(pod.uid)
        self.departed[pod.uid] = pod
        while len(self.departed) > _DEPARTED:
            self.departed.popitem(last=False)

    def pod(self, uid: str) -> Pod | None:
        return self.pods.get(uid) or self.departed.get(uid)

    def node_changed(self, one: Node) -> list[str]:
        """uids of the pods whose part of the node is another now: its size is."""
        before, self.nodes[one.name] = self.nodes.get(one.name), one
        if before is None or before.sizes == one.sizes:
            return []
        return [pod.uid for pod in self.pods.values() if pod.node == one.name and pod.requests]

    def thing_changed(self, one: Thing, there: bool) -> None:
        self.things.pop(one.uid, None)
        if there and one.quantity:
            self.things[one.uid] = one

    def of_group(self, namespace: str, name: str) -> Pod | None:
        """The same pod of a group whichever was seen first."""
        uids = self.groups.get((namespace, name))
        return self.pods[min(uids)] if uids else None

    def slice_changed(self, one: Slice, there: bool) -> Pool:
        pool = pool_of(one.body)
        members = self.slices[pool]
        if there:
            members[one.uid] = one.body
        else:
            members.pop(one.uid, None)
        found = inventory(members.values())
        if pool in found.complete:
            self.devices[pool] = found.devices
        elif not members:
            self.devices.pop(pool, None)
            self.slices.pop(pool, None)
        return pool

    def class_changed(self, one: Class, there: bool) -> list[str]:
        """uids of the pods that ask for the resource which it stands behind now, or did."""
        before = self.classes.pop(one.uid, "")
        if there and one.resource:
            self.classes[one.uid] = one.resource
        about = {before, one.resource}
        return [pod.uid for pod in self.pods.values() if any(asked.resource in about for asked in pod.asked)]

    def of_a_claim(self, pod: Pod, resource: str) -> bool:
        """Whether a claim stands behind the resource, though the pod's status does not say so.

        A class does, and the pod's node offers the resource by no plugin, but devices by a DRA driver.
        """
        node = self.nodes.get(pod.node)
        if resource not in self.classes.values() or node is None or resource in dict(node.capacity):
            return False
        return any(one.node == node.name for pool in self.devices.values() for one in pool.values())

    def known(self, pools: set[Pool]) -> Inventory:
        """Devices of these pools."""
        found = Inventory()
        for pool in pools:
            found.devices |= self.devices.get(pool, {})
        return found

    def workload(self, one: Owner, namespace: str) -> str:
        """Kind/name of the last known owner."""
        for _ in range(_LONGEST_CHAIN):
            above = self._above(one, namespace)
            if above is None:
                break
            one = above
        return f"{one.kind}/{one.name}"

    def _above(self, one: Owner, namespace: str) -> Owner | None:
        if (pod := self.pod(one.uid)) is not None:
            return pod.owner
        if (held := self.owning.get(one.uid)) is not None:
            return held.owner
        if one.kind in _BETWEEN:
            self.missing.add(one.uid)
        elif one.api and one.kind not in _TOP and one.uid not in self.asked:
            self.missing.add(one.uid)
            self.unknown[one.uid] = (namespace, one)
            self.unsure = True
        return self.asked.get(one.uid)

    def answered(self, one: Owning) -> None:
        """What controls an owner that was asked for."""
        self.asked[one.uid] = one.owner
        self.unknown.pop(one.uid, None)
        while len(self.asked) > _ASKED:
            self.asked.popitem(last=False)

    def who(self, pod: Pod) -> dict[str, str | None]:
        """Columns that say whose a pod is."""
        around = self._around(pod.namespace)
        return {
            "namespace": pod.namespace or None,
            "workload": self.workload(Owner("Pod", pod.name, pod.uid), pod.namespace),
            "workload_revision": pod.revision or None,
            "team": self._label(self.names.team, pod.labels, around),
            "model": self._label(self.names.model, pod.labels, around),
            "model_version": self._label(self.names.version, pod.labels, {}),
            "labels": labels.dump(self._told(pod.labels, around)),
        }

    def _told(self, own: Labels, around: Labels) -> dict[str, str]:
        names = [(f"label.{name}", name) for name in self.names.labels]
        names += [(f"annotation.{name}", f"{ANNOTATION}{name}") for name in self.names.annotations]
        found = ((told, self._label((name,), own, around)) for told, name in names)
        return {told: text for told, text in found if text}

    def team(self, namespace: str, labels: Labels | None = None) -> str | None:
        return self._label(self.names.team, labels or {}, self._around(namespace))

    def _around(self, namespace: str) -> Labels:
        held = self.namespaces.get(namespace)
        if held is None:
            self.missing.add(("namespace", namespace))
        return held.labels if held else {}

    @staticmethod
    def _label(names: tuple[str, ...], first: Labels, second: Labels) -> str | None:
        found = (labels[name] for labels in (first, second) for name in names if labels.get(name))
        return next(found, None)
