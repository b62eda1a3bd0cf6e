"""Assets: nodes, disks and load balancers, each with all that it costs, held or not, in OpenCost's JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.errors import ConfigError
from pipeline.opencost import shape, span
from pipeline.opencost.allocation import ZERO, Prices, hours_of
from pipeline.opencost.parameters import IGNORED
from pipeline.settings.cost import CostRule, Method, Spread
from pipeline.store import Store

USED = ("window", "filterTypes")
_IGNORED = {*IGNORED, "accumulate", "aggregate"}
_UNDEFINED = "__undefined__"
_PROVIDERS = {"aws": "AWS", "gcp": "GCP", "azure": "Azure"}
BESIDE_NODES = {"volume": ("Disk", "Storage"), "load_balancer": ("LoadBalancer", "Network")}
"""OpenCost's type and category of what no node has."""
_BREAKDOWN = dict.fromkeys(("idle", "other", "system", "user"), 0)


def parse(given: Mapping[str, str], now: datetime) -> Window:
    """The window; ConfigError with the parameter's name as its key."""
    for name, text in given.items():
        if name not in USED and name not in _IGNORED:
            raise ConfigError(name, text, f"this parameter is not known here; there are {', '.join(USED)}")
    if given.get("aggregate", "") not in ("", "type"):
        raise ConfigError("aggregate", given["aggregate"], "leave it out: assets come one by one")
    if not given.get("window"):
        raise ConfigError("window", given.get("window"), span.WINDOW_REMEDY)
    return span.parse_window(given["window"], now)


def assets(
    store: Store, window: Window, prices: Prices, rule: CostRule, types: str = ""
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Assets by OpenCost's key, and what a reader must know; `types` names some of Node, Disk, LoadBalancer.

    Costs stand where they arose, so that a node is its devices' price, whoever pays.
    """
    method = rule.method if rule.split else Method.allocation
    rule = replace(rule, method=method, idle=Spread.none, shared=Spread.none)
    by = ("cluster", "node", "resource", "device")
    answer = cost(store, window, by, prices.book, prices.currency, rule, prices.owners)
    inventory = Inventory(store.query("cost_inventory").to_pylist())
    wanted = {name for name in types.lower().split(",") if name}
    nodes: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    found = []
    for row in answer.named():
        if row["resource"] in BESIDE_NODES:
            found.append(_alone(row, inventory.device(row), window))
        else:
            nodes[row["cluster"], row["node"]].append(row)
    found += [_node(rows, inventory, window) for rows in nodes.values()]
    kept = [asset for asset in found if not wanted or asset["type"].lower() in wanted]
    return {_key(asset["type"], asset["properties"]): asset for asset in kept}, answer.notes


class Inventory:
    """The newest version of each device, and a GPU of each node, which says what the node is."""

    def __init__(self, listed: Iterable[Mapping[str, Any]]) -> None:
        ordered = sorted(listed, key=lambda row: int(row["a"]))
        self._devices = {(row["cluster"], row["device"]): row for row in ordered}
        self._nodes = {(row["cluster"], row["node"]): row for row in ordered if row["resource"]}
        self._nodes |= {(row["cluster"], row["node"]): row for row in ordered if not row["resource"]}

    def device(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._devices.get((row["cluster"], row["device"]), {})

    def of_node(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._nodes.get((row["cluster"], row["node"]), {})


def _alone(row: Mapping[str, Any], device: Mapping[str, Any], window: Window) -> dict[str, Any]:
    """A volume or a load balancer; its name is the device's after the resource."""
    kind, category = BESIDE_NODES[row["resource"]]
    name = row["device"].removeprefix(f"{row['resource']}/")
    namespace, _, short = name.rpartition("/")
    of_disk = {
        "bytes": device.get("quantity", 0),
        "storageClass": device.get("instance_type", ""),
        "claimName": short,
        "claimNamespace": namespace,
    }
    return {
        **_common(kind, category, row["cluster"], name, device.get("provider", ""), window),
        **(of_disk if kind == "Disk" else {}),
        "adjustment": 0,
        "totalCost": row["total_cost"] or ZERO,
    }


def _common(
    kind: str, category: str, cluster: str, name: str, provider: str, window: Window
) -> dict[str, Any]:
    return {
        "type": kind,
        "properties": {
            "category": category,
            "provider": _PROVIDERS.get(provider, provider),
            "service": "Kubernetes",
            "cluster": cluster,
            "name": name,
        },
        "window": shape.window(window),
        "start": shape.time(window.start),
        "end": shape.time(window.end),
        "minutes": round((window.end - window.start).total_seconds()) // 60,
    }


def _node(rows: Sequence[Mapping[str, Any]], inventory: Inventory, window: Window) -> dict[str, Any]:
    """The devices of a node together; its cores and bytes are those of its newest version."""
    hours = sum((row["allocated_gpu_hours"] + row["unallocated_gpu_hours"] for row in rows), ZERO)
    costs: dict[str, Decimal] = defaultdict(Decimal)
    sizes: dict[str, int] = defaultdict(int)
    for row in rows:
        costs[row["resource"]] += row["total_cost"] or ZERO
        sizes[row["resource"]] += inventory.device(row).get("quantity", 0)
    node = inventory.of_node(rows[0])
    labels = {"node_kubernetes_io_instance_type": node.get("instance_type", "")}
    labels |= {"topology_kubernetes_io_region": node.get("region", "")}
    labels |= {"nvidia_com_gpu_product": node.get("gpu_model", "")}
    return {
        **_common("Node", "Compute", rows[0]["cluster"], rows[0]["node"], node.get("provider", ""), window),
        "labels": {name: text for name, text in labels.items() if text},
        "nodeType": node.get("instance_type", ""),
        "cpuCores": Decimal(sizes["cpu"]) / 1_000,
        "ramBytes": sizes["memory"],
        "cpuCoreHours": sum((row["cpu_core_hours"] for row in rows), ZERO),
        "ramByteHours": sum((row["memory_gib_hours"] for row in rows), ZERO) * shape.GIB,
        "GPUHours": hours,
        "cpuBreakdown": _BREAKDOWN,
        "ramBreakdown": _BREAKDOWN,
        "preemptible": int(node.get("capacity_type") == "spot"),
        "discount": 0,
        "cpuCost": costs["cpu"],
        "gpuCost": costs["gpu"],
        "gpuCount": hours / hours_of(window),
        "ramCost": costs["memory"],
        "adjustment": 0,
        "totalCost": sum(costs.values(), ZERO),
    }


def _key(kind: str, properties: Mapping[str, str]) -> str:
    """provider/account/project/category/service/cluster/type/name/providerID"""
    named = [properties["provider"], "", "", properties["category"], properties["service"]]
    named += [properties["cluster"], kind, properties["name"], ""]
    return "/".join(text or _UNDEFINED for text in named)
