"""A month of a real control plane: the ledger is device-hours x price while nodes, pods and prices change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.rig.kube.cluster import Kube
from pipeline.rig.processes import free_port
from pipeline.store import Store
from tests.allocation.held_and_told import caught_up, config_of
from tests.command import Command
from tests.cost.rig_month import check, month
from tests.rig import cluster_objects as objects

GPU = {"nvidia.com/gpu": "1"}


def test_a_month_costs_its_device_hours_at_their_prices(cluster: Kube, tmp_path: Path) -> None:
    """Nodes that join and leave, pods that come and go, two price changes: equal to the billionth."""
    facts = lived(cluster, tmp_path)
    lines = month(facts)
    check(lines)
    # Of 720 hours; what comes after it left is at least a tenth of what was lived, on any machine.
    assert lines["n1"].hours / lines["n1"].devices < 685, "a node that left costs no more"


def lived(cluster: Kube, tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    """What the collector told of three nodes, of which one leaves and two join, and of their pods."""
    config = config_of(cluster, tmp_path, free_port())
    with Command(config, "collect", "allocation", "--store", str(tmp_path / "ledger")):
        objects.node(cluster, "n1", capacity={"nvidia.com/gpu": "2", "pods": "20"})
        ns = objects.namespace(cluster, {"team": "red"})
        _pods(cluster, ns, a="n1", b="n1")
        caught_up(tmp_path)
        objects.node(cluster, "n2", capacity={"nvidia.com/gpu": "2", "pods": "20"})
        _pods(cluster, ns, c="n2")
        caught_up(tmp_path)
        for name in ("a", "b"):
            objects.delete_pod(cluster, ns, name)
        objects.until(lambda: objects.running_pods(cluster, ns) == ["c"], "two pods to be gone")
        cluster.request("DELETE", "/api/v1/nodes/n1")
        objects.node(cluster, "n3", capacity={"nvidia.com/gpu": "1", "pods": "20"})
        _pods(cluster, ns, d="n3", e="n2")
        caught_up(tmp_path)
        objects.delete_pod(cluster, ns, "c")
        objects.until(lambda: objects.running_pods(cluster, ns) == ["d", "e"], "a pod to be gone")
        caught_up(tmp_path)
    with Store.open(tmp_path / "ledger", read_only=True) as store:
        return {name: store.rows(name).to_pylist() for name in ("devices", "allocations")}


def _pods(cluster: Kube, ns: str, **nodes: str) -> None:
    for name, node in nodes.items():
        objects.pod(cluster, ns, name, objects.pod_spec(limits=GPU, node=node))
    wanted = set(nodes)
    objects.until(lambda: wanted <= set(objects.running_pods(cluster, ns)), f"{wanted} to run")
