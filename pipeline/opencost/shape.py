"""OpenCost's JSON of an allocation; what the ledger does not know is 0 or null there."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache
from typing import Any

from pipeline.answers.window import Window
from pipeline.opencost.allocation import Allocation, Sets, hours_of

GIB = 1 << 30
_NETWORK = {
    "cross_zone": "networkCrossZoneCost", "cross_region": "networkCrossRegionCost",
    "internet": "networkInternetCost",
}  # fmt: skip
"""OpenCost's field of the cost of a class; of others it has none, and they are in networkCost alone."""
_NANOSECONDS = 1_000_000_000
_FRACTION, _NO_PART, _NOTHING = Decimal("0.000001"), Decimal("0.000000"), Decimal(0)


@lru_cache(1_024)
def time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def window(span: Window) -> dict[str, str]:
    return {"start": time(span.start), "end": time(span.end)}


def full(sets: Sets, offset: int, limit: int | None) -> list[dict[str, Any]]:
    """The data of /allocation."""
    return [{e.name: allocation(e, span) for e in _page(found, offset, limit)} for span, found in sets]


def summary(sets: Sets, offset: int, limit: int | None) -> dict[str, Any]:
    """The data of /allocation/summary; `step` is the first set's length in nanoseconds."""
    first, last = sets[0][0], sets[-1][0]
    return {
        "step": round((first.end - first.start).total_seconds()) * _NANOSECONDS,
        "sets": [
            {
                "allocations": {e.name: summarised(e, span) for e in _page(found, offset, limit)},
                "window": window(span),
            }
            for span, found in sets
        ],
        "window": window(Window(first.start, last.end)),
    }


def _page(found: list[Allocation], offset: int, limit: int | None) -> list[Allocation]:
    return found[offset:] if limit is None else found[offset : offset + limit]


def allocation(entry: Allocation, span: Window) -> dict[str, Any]:
    hours = hours_of(span)
    requested, used = _ratio(entry.hours, hours), _ratio(entry.busy_hours, hours)
    ram_byte_hours = entry.memory_gib_hours * GIB
    cores, ram_bytes = _ratio(entry.core_hours, hours), _ratio(ram_byte_hours, hours)
    efficiency, of_cpu, of_ram = efficiencies = _efficiencies(entry)
    return {
        "name": entry.name,
        "properties": entry.properties,
        **_of_all(span),
        "cpuCores": cores,
        "cpuCoreRequestAverage": cores,
        "cpuCoreUsageAverage": _ratio(entry.core_hours_used, hours),
        "cpuCoreHours": entry.core_hours,
        "cpuEfficiency": of_cpu or 0,
        **_costs(entry, ("cpu", "cpuCost", "cpuCostIdle")),
        "gpuCount": requested,
        "gpuRequestAverage": requested,
        "gpuUsageAverage": used,
        "gpuHours": entry.hours,
        **_costs(entry, ("gpu", "gpuCost", "gpuCostIdle")),
        "gpuEfficiency": efficiency,
        **{name: entry.network.get(kind, 0) for kind, name in _NETWORK.items()},
        "networkTransferBytes": entry.sent_bytes,
        "ramBytes": ram_bytes,
        "ramByteRequestAverage": ram_bytes,
        "ramByteUsageAverage": _ratio(entry.memory_gib_hours_used * GIB, hours),
        "ramByteHours": ram_byte_hours,
        "ramEfficiency": of_ram or 0,
        **_costs(entry, *_BESIDE),
        "sharedCost": entry.shared,
        "totalCost": entry.total,
        "totalEfficiency": _efficiency(entry, *efficiencies),
        "gpuAllocation": _gpus(entry) | {"gpuUsageAverage": used, "gpuRequestAverage": requested},
    }


@lru_cache(1_024)
def _of_all(span: Window) -> dict[str, Any]:
    """The fields in OpenCost's order, with what stands in every entry of the set."""
    return {
        "window": window(span),
        "start": time(span.start),
        "end": time(span.end),
        "minutes": round((span.end - span.start).total_seconds()) // 60,
        **dict.fromkeys((*_CPU, *_GPU, *_OTHERS), 0),
        "pvs": None,
        "lbAllocations": None,
        **dict.fromkeys(("externalCost", "sharedCost", "totalCost", "totalEfficiency"), 0),
    }


def _gpus(entry: Allocation) -> dict[str, Any]:
    """OpenCost has room for one GPU: names are there where the entry has one, the model where all agree."""
    devices, models = [*entry.devices], {*entry.devices.values()}
    only = devices[0] if len(devices) == 1 else ""
    return {
        "gpuDevice": only,
        "gpuModel": models.pop() if len(models) == 1 else "",
        "gpuUUID": only if only.startswith(("GPU-", "MIG-")) else "",
        "isGPUShared": entry.is_gpu_shared,
    }


def summarised(entry: Allocation, span: Window) -> dict[str, Any]:
    hours = hours_of(span)
    return {
        "name": entry.name,
        "start": time(span.start),
        "end": time(span.end),
        "cpuCoreRequestAverage": _ratio(entry.core_hours, hours),
        "cpuCoreUsageAverage": _ratio(entry.core_hours_used, hours),
        **_costs(entry, ("cpu", "cpuCost", "cpuCostIdle")),
        "gpuRequestAverage": _ratio(entry.hours, hours),
        "gpuUsageAverage": _ratio(entry.busy_hours, hours),
        **_costs(entry, ("gpu", "gpuCost", "gpuCostIdle")),
        "ramByteRequestAverage": _ratio(entry.memory_gib_hours * GIB, hours),
        "ramByteUsageAverage": _ratio(entry.memory_gib_hours_used * GIB, hours),
        **_costs(entry, *_BESIDE),
        "sharedCost": entry.shared,
        "externalCost": 0,
        "totalEfficiency": _efficiency(entry, *_efficiencies(entry)),
        "totalCost": entry.total,
    }


def _efficiencies(entry: Allocation) -> tuple[Decimal, Decimal | None, Decimal | None]:
    """Used by held, of GPUs, cores and memory, while that was measured; None where it never was."""
    cores = entry.core_hours - entry.core_hours_unmeasured
    memory = entry.memory_gib_hours - entry.memory_gib_hours_unmeasured
    return (
        _ratio(entry.busy_hours, entry.hours),
        _ratio(entry.core_hours_used, cores) if cores > 0 else None,
        _ratio(entry.memory_gib_hours_used, memory) if memory > 0 else None,
    )


def _efficiency(entry: Allocation, gpu: Decimal, cpu: Decimal | None, ram: Decimal | None) -> Decimal:
    """Those of the GPUs, cores and memory, by what each costs: OpenCost leaves GPUs out."""
    if cpu is None and ram is None:
        return gpu
    parts = [(gpu, entry.costs.get("gpu", _NOTHING))] if entry.hours else []
    for one, resource in ((cpu, "cpu"), (ram, "memory")):
        parts += [(one, entry.costs.get(resource, _NOTHING))] if one is not None else []
    paid = sum((cost for _, cost in parts), _NOTHING)
    return _ratio(sum((one * cost for one, cost in parts), _NOTHING), paid) if paid else gpu


_BESIDE = (
    ("memory", "ramCost", "ramCostIdle"), ("network", "networkCost", ""),
    ("volume", "pvCost", ""), ("load_balancer", "loadBalancerCost", ""),
)  # fmt: skip
"""Resource of the ledger, and OpenCost's fields of its cost and of the idle time in it."""


def _costs(entry: Allocation, *fields: tuple[str, str, str]) -> dict[str, Any]:
    costs, idles = entry.costs, entry.idles
    found: dict[str, Any] = {cost: costs.get(resource, 0) for resource, cost, _ in fields}
    return found | {idle: idles.get(resource, 0) for resource, _, idle in fields if idle}


def _ratio(part: Decimal, whole: Decimal) -> Decimal:
    """Rounded down, so that 1 means all of it; 0 of nothing, as OpenCost has it."""
    if not whole:
        return _NOTHING
    return (part / whole).quantize(_FRACTION, ROUND_FLOOR) if part else _NO_PART


_CPU = (
    "cpuCores", "cpuCoreRequestAverage", "cpuCoreLimitAverage", "cpuCoreUsageAverage", "cpuCoreHours",
    "cpuCost",    "cpuCostAdjustment", "cpuCostIdle", "cpuEfficiency",
)  # fmt: skip
_GPU = (
    "gpuCount", "gpuRequestAverage", "gpuUsageAverage", "gpuHours", "gpuCost", "gpuCostIdle",
    "gpuCostAdjustment", "gpuEfficiency",
)  # fmt: skip
_OTHERS = (
    "networkTransferBytes", "networkReceiveBytes", "networkCost", "networkCrossZoneCost",
    "networkCrossRegionCost", "networkInternetCost", "networkCostAdjustment", "loadBalancerCost",
    "loadBalancerCostAdjustment", "pvBytes", "pvByteHours", "pvCost", "pvCostAdjustment", "ramBytes",
    "ramByteRequestAverage", "ramByteLimitAverage", "ramByteUsageAverage", "ramByteHours", "ramCost",
    "ramCostAdjustment", "ramCostIdle", "ramEfficiency",
)  # fmt: skip
