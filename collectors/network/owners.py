"""What kube-state-metrics tells of pods: whose each is, and which have the network of their node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from collectors.dcgm.devices import first

Key = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Owners:
    pods: dict[Key, Key] = field(default_factory=dict)
    """Kind and name of what controls a pod."""
    above: dict[tuple[str, str, str], Key] = field(default_factory=dict)
    """Kind and name of what controls a ReplicaSet or Job, by namespace, kind and name."""
    nodes: dict[Key, str] = field(default_factory=dict)
    on_host: set[Key] = field(default_factory=set)

    def workload(self, namespace: str, pod: str) -> str | None:
        """Kind/name of the topmost owner that is told; None where the pod is not."""
        owner = self.pods.get((namespace, pod))
        if owner is None:
            return None
        kind, name = self.above.get((namespace, *owner), owner)
        return f"{kind}/{name}"


def owners(series: Iterable[Mapping[str, str]]) -> Owners:
    """`series` are the labels, with `__name__`, of those in metrics.OWNERS."""
    found = Owners()
    for labels in series:
        namespace = first(labels, "exported_namespace", "namespace")
        match labels.get("__name__"):
            case "kube_pod_info":
                _pod(labels, (namespace, first(labels, "exported_pod", "pod")), found)
            case "kube_replicaset_owner":
                _above(labels, (namespace, "ReplicaSet", labels.get("replicaset", "")), found)
            case "kube_job_owner":
                job = first(labels, "exported_job_name", "job_name")
                _above(labels, (namespace, "Job", job), found)
    return found


def _pod(labels: Mapping[str, str], key: Key, found: Owners) -> None:
    kind, name = labels.get("created_by_kind", ""), labels.get("created_by_name", "")
    found.pods[key] = (kind, name) if _is_told(kind) and name else ("Pod", key[1])
    found.nodes[key] = first(labels, "exported_node", "node")
    if labels.get("host_network") == "true":
        found.on_host.add(key)


def _above(labels: Mapping[str, str], key: tuple[str, str, str], found: Owners) -> None:
    kind, name = labels.get("owner_kind", ""), labels.get("owner_name", "")
    if _is_told(kind) and name:
        found.above[key] = (kind, name)


def _is_told(kind: str) -> bool:
    return kind not in ("", "<none>")
