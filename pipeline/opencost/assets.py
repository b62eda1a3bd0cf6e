"""Assets: the nodes with GPUs, each with all that its devices cost, held or not, in OpenCost's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.errors import ConfigError
from pipeline.opencost import shape, span
from pipeline.opencost.allocation import ZERO, Prices, hours_of, named
from pipeline.opencost.parameters import IGNORED
from pipeline.settings.cost import CostRule, Method, Spread
from pipeline.store import Store

USED = ("window", "filterTypes")
_IGNORED = {*IGNORED, "accumulate", "aggregate"}
_UNDEFINED = "__undefined__"
_PROVIDERS = {"aws": "AWS", "gcp": "GCP", "azure": "Azure"}
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
    """Nodes by OpenCost's key, and what a reader must know; `types` other than Node has none.

    Costs stand where they arose, so that a node is its devices' price, whoever pays.
    """
    if types and "node" not in types.lower().split(","):
        return {}, ()
    rule = replace(rule, method=Method.allocation, idle=Spread.none, shared=Spread.none)
    answer = cost(store, window, ("cluster", "node"), prices.book, prices.currency, rule, prices.owners)
    listed = store.query("cost_inventory").to_pylist()
    known = {(row["cluster"], row["node"]): row for row in listed if not row["resource"]}
    found = {}
    for row in named(answer):
        asset = _asset(row, known.get((row["cluster"], row["node"]), {}), window)
        found[_key(asset["properties"])] = asset
    return found, answer.notes


def _asset(row: Mapping[str, Any], device: Mapping[str, Any], window: Window) -> dict[str, Any]:
    hours: Decimal = row["allocated_gpu_hours"] + row["unallocated_gpu_hours"]
    total = row["total_cost"] or ZERO
    provider = device.get("provider", "")
    labels = {"node_kubernetes_io_instance_type": device.get("instance_type", "")}
    labels |= {"topology_kubernetes_io_region": device.get("region", "")}
    labels |= {"nvidia_com_gpu_product": device.get("gpu_model", "")}
    return {
        "type": "Node",
        "properties": {
            "category": "Compute",
            "provider": _PROVIDERS.get(provider, provider),
            "service": "Kubernetes",
            "cluster": row["cluster"],
            "name": row["node"],
        },
        "labels": {name: text for name, text in labels.items() if text},
        "window": shape.window(window),
        "start": shape.time(window.start),
        "end": shape.time(window.end),
        "minutes": round((window.end - window.start).total_seconds()) // 60,
        "nodeType": device.get("instance_type", ""),
        **dict.fromkeys(("cpuCores", "ramBytes", "cpuCoreHours", "ramByteHours"), 0),
        "GPUHours": hours,
        "cpuBreakdown": _BREAKDOWN,
        "ramBreakdown": _BREAKDOWN,
        "preemptible": int(device.get("capacity_type") == "spot"),
        "discount": 0,
        "cpuCost": 0,
        "gpuCost": total,
        "gpuCount": hours / hours_of(window),
        "ramCost": 0,
        "adjustment": 0,
        "totalCost": total,
    }


def _key(properties: Mapping[str, str]) -> str:
    """provider/account/project/category/service/cluster/type/name/providerID"""
    named = [properties["provider"], "", "", properties["category"], properties["service"]]
    named += [properties["cluster"], "Node", properties["name"], ""]
    return "/".join(text or _UNDEFINED for text in named)
