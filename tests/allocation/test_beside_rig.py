"""CPUs, memory, volumes and load balancers of a real control plane: on the bill of who asked for them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from pipeline.answers.cost import cost
from pipeline.prices import PriceBook
from pipeline.prices.price import Price
from pipeline.rig.kube.cluster import Kube
from pipeline.rig.processes import free_port
from pipeline.store import Store
from tests.allocation.held_and_told import caught_up, config_of
from tests.command import Command
from tests.rig import cluster_objects as objects

GIB = 1 << 30
ALL = "cpu,memory,volume,load_balancer"
PRICES = {"cpu": "36", "memory": "3.6", "volume": "0.36", "load_balancer": "360"}
"""So that a second of a core is a cent."""


def test_what_is_beside_devices_is_told_by_a_real_control_plane(cluster: Kube, tmp_path: Path) -> None:
    """The API server's own objects and the rights that we ship, to the sums on the bill."""
    config = config_of(cluster, tmp_path, free_port(), beside=ALL)
    capacity = {"cpu": "8", "memory": "32Gi", "pods": "110"}
    with Command(config, "collect", "allocation", "--store", str(tmp_path / "ledger")):
        objects.node(cluster, "n1", capacity=capacity)
        ns = objects.namespace(cluster, {"team": "red"})
        for name, cpu, memory in (("a", "1500m", "8Gi"), ("b", "500m", "4Gi")):
            spec = objects.pod_spec()
            spec["containers"][0]["resources"]["requests"] = {"cpu": cpu, "memory": memory}
            objects.pod(cluster, ns, name, spec)
        objects.until(lambda: objects.running_pods(cluster, ns) == ["a", "b"], "both pods to run")
        _volume(cluster, ns)
        _load_balancer(cluster, ns)
        caught_up(tmp_path)
        objects.delete_pod(cluster, ns, "b")
        objects.until(lambda: objects.running_pods(cluster, ns) == ["a"], "one pod to be gone")
        caught_up(tmp_path)
    with Store.open(tmp_path / "ledger", read_only=True) as store:
        listed = {row["device"]: row["quantity"] for row in store.rows("devices").to_pylist()}
        answer = cost(store, None, ("resource", "namespace", "workload", "pod"), _book())
    volume, balancer = f"volume/{ns}/data", f"load_balancer/{ns}/web"
    assert listed["n1/cpu"] == 8_000 and listed["n1/memory"] == 32 * GIB
    assert listed[volume] == 5 * GIB and balancer in listed
    rows = [row for row in answer.named() if row["total_cost"]]
    paid = {(row["resource"], row["namespace"], row["pod"]): row for row in rows}
    cpu, memory = paid["cpu", ns, "a"], paid["memory", ns, "a"]
    hours = cpu["cpu_core_hours"] / Decimal("1.5")
    assert abs(memory["memory_gib_hours"] / 8 - hours) < Decimal("0.000005"), "both since it was bound"
    assert 0 < paid["cpu", ns, "b"]["total_cost"] < cpu["total_cost"] / 3, "it left before the end"
    assert (paid["volume", ns, "unknown"]["workload"], paid["load_balancer", ns, "unknown"]["workload"]) == (
        "PersistentVolumeClaim/data", "Service/web",
    )  # fmt: skip
    for resource, size, price in (("cpu", 8, "36"), ("memory", 32, "3.6")):
        lines = [row for (of, *_), row in paid.items() if of == resource]
        whole = sum(row["total_cost"] for row in lines)
        assert paid[resource, "cluster_idle", "cluster_idle"]["total_cost"] > whole / 2
        held = {"cpu": "cpu_core_hours", "memory": "memory_gib_hours"}[resource]
        assert abs(whole - sum(row[held] for row in lines) * Decimal(price)) < Decimal("0.001") * size


def _book() -> PriceBook:
    rows = [Price(name, (("resource", name),), Decimal(amount), "USD") for name, amount in PRICES.items()]
    return PriceBook("own", tuple(rows))


def _volume(cluster: Kube, ns: str) -> None:
    """A claim that a person bound by hand: KWOK plays no storage."""
    size = {"storage": "5Gi"}
    spec: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "storageClassName": "manual"}
    name = f"disk-{ns}"
    claim = {
        "metadata": {"name": "data"},
        "spec": spec | {"resources": {"requests": size}, "volumeName": name},
    }
    cluster.request("POST", f"/api/v1/namespaces/{ns}/persistentvolumeclaims", claim)
    disk = spec | {
        "capacity": size,
        "hostPath": {"path": "/data"},
        "claimRef": {"namespace": ns, "name": "data"},
    }
    cluster.request("POST", "/api/v1/persistentvolumes", {"metadata": {"name": name}, "spec": disk})
    path = f"/api/v1/namespaces/{ns}/persistentvolumeclaims/data"
    objects.until(lambda: cluster.request("GET", path)["status"].get("phase") == "Bound", "a bound volume")


def _load_balancer(cluster: Kube, ns: str) -> None:
    """What a cloud does with a Service: it gives it an address."""
    spec = {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]}
    path = f"/api/v1/namespaces/{ns}/services"
    cluster.request("POST", path, {"metadata": {"name": "web"}, "spec": spec})
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}}
    cluster.request("PATCH", f"{path}/web/status", status)
