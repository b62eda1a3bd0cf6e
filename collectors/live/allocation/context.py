"""What the cluster looks like beside the allocations: owners, namespaces, nodes, devices, pods."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from collectors.dra_slices import Device, Inventory, Key, Pool, inventory, pool_of
from collectors.live.allocation.claims import Slice
from collectors.live.allocation.meta import Labels, Namespace, Owner, Owning
from collectors.live.allocation.nodes import Node
from collectors.live.allocation.pods import Pod

_LONGEST_CHAIN = 8
_BETWEEN = ("ReplicaSet", "Job")
"""Kinds that are watched, since they mostly have an owner themselves."""
_DEPARTED = 20_000
"""Pods that are remembered after they went: their claims follow within seconds."""


class Names(NamedTuple):
    """Label keys, the first that is there wins; a namespace's where the pod has none."""

    team: tuple[str, ...]
    model: tuple[str, ...]
    version: tuple[str, ...]

    @property
    def all(self) -> frozenset[str]:
        return frozenset((*self.team, *self.model, *self.version))


@dataclass(slots=True)
class Context:
    names: Names
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    owning: dict[str, Owning] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    departed: OrderedDict[str, Pod] = field(default_factory=OrderedDict)
    groups: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    slices: dict[Pool, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    devices: dict[Pool, dict[Key, Device]] = field(default_factory=dict)
    """Of each pool as it was last whole: a driver that replaces its slices has not lost its devices."""
    missing: set[Any] = field(default_factory=set)
    """uids and names that were asked for and not there: who asked asks again when they come."""

    def put_pod(self, pod: Pod) -> None:
        self.pods[pod.uid] = pod
        if pod.group:
            self.groups[pod.namespace, pod.group].add(pod.uid)

    def pod_gone(self, pod: Pod) -> None:
        self.pods.pop(pod.uid, None)
        if pod.group:
            self.groups[pod.namespace, pod.group].discard(pod.uid)
        self.departed[pod.uid] = pod
        while len(self.departed) > _DEPARTED:
            self.departed.popitem(last=False)

    def pod(self, uid: str) -> Pod | None:
        return self.pods.get(uid) or self.departed.get(uid)

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

    def known(self, pools: set[Pool]) -> Inventory:
        """Devices of these pools."""
        found = Inventory()
        for pool in pools:
            found.devices |= self.devices.get(pool, {})
        return found

    def workload(self, kind: str, name: str, uid: str) -> tuple[str, str]:
        """Kind/name of the last known owner, and the uid of that owner."""
        for _ in range(_LONGEST_CHAIN):
            pod = self.pod(uid)
            held = self.owning.get(uid)
            above: Owner | None = pod.owner if pod else held.owner if held else None
            if above is None:
                if kind in _BETWEEN and uid not in self.owning:
                    self.missing.add(uid)
                break
            kind, name, uid = above
        return f"{kind}/{name}", uid

    def who(self, pod: Pod) -> dict[str, str | None]:
        """Columns that say whose a pod is."""
        around = self._around(pod.namespace)
        return {
            "namespace": pod.namespace or None,
            "workload": self.workload("Pod", pod.name, pod.uid)[0],
            "team": self._label(self.names.team, pod.labels, around),
            "model": self._label(self.names.model, pod.labels, around),
            "model_version": self._label(self.names.version, pod.labels, {}),
        }

    def team(self, namespace: str) -> str | None:
        return self._label(self.names.team, self._around(namespace), {})

    def _around(self, namespace: str) -> Labels:
        held = self.namespaces.get(namespace)
        if held is None:
            self.missing.add(("namespace", namespace))
        return held.labels if held else {}

    @staticmethod
    def _label(names: tuple[str, ...], first: Labels, second: Labels) -> str | None:
        found = (labels[name] for labels in (first, second) for name in names if labels.get(name))
        return next(found, None)
