"""The readings of one scrape become one row a device: repeats are taken once, shared ones are split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from collectors.dcgm.devices import Device, Holder
from collectors.dcgm.health import health, increases
from collectors.dcgm.metrics import Quantity
from collectors.dcgm.reading import Account, Counters, Reading, increase
from pipeline.wire.mig import compute_slices

_PARTS: tuple[Quantity, ...] = ("memory_used", "memory_free", "memory_reserved")


def gpu_rows(
    readings: Mapping[Device, Reading],
    previous: Counters,
    excluded: Counter[str],
    left_out: Mapping[Device, str] | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """Rows of `gpu` by column name, and how many lines they rest on; the other lines go to `excluded`.

    A device of `left_out` gets no row, its lines that reason; its board's values are split with it in mind.
    """
    power = _shared(readings, {d: r.value("power") for d, r in readings.items()})
    energy = _shared(readings, {d: increase(d, r, "energy", previous) for d, r in readings.items()})
    errors = increases(readings, previous)
    rows = []
    used = 0
    for device, reading in readings.items():
        if left_out and device in left_out:
            excluded[left_out[device]] += reading.all_lines
            continue
        account = Account(reading, excluded)
        row = _identity(device, reading)
        row["util_ratio"] = _utilisation(device, account)
        row |= _memory(account)
        row["power_watts"] = account.give("power", power[device])
        row["energy_joules"] = account.give("energy", energy[device], "counter_without_previous")
        row |= health(device, account, previous, errors)
        used += account.used
        if account.used:
            rows += [row, *_processes(row, reading)]
    return rows, used


def _identity(device: Device, reading: Reading) -> dict[str, Any]:
    pods = reading.holders - {None}
    holder = next(iter(pods)) if len(pods) == 1 else None
    return {
        "node": device.node,
        "device": device.device,
        "parent_device": device.physical if device.partition else None,
        "gpu_model": device.gpu_model,
        "mig_profile": device.mig_profile,
        "namespace": holder.namespace or None if holder else None,
        "pod": holder.pod if holder else None,
        "container": holder.container or None if holder else None,
        "confidence": "device-duplicated"
        if len(reading.holders) > 1 and not _by_pod(reading)
        else "measured",
    }


def _by_pod(reading: Reading) -> dict[Holder, float]:
    """What each pod's processes did with the device, 0 to 1, of the better measure that there is."""
    quantity: Quantity = "engine_ratio" if reading.lines("engine_ratio") else "util_ratio"
    return reading.of_pods(quantity)


def _processes(row: Mapping[str, Any], reading: Reading) -> list[dict[str, Any]]:
    """A row for each pod beside the device's."""
    own = {name: row[name] for name in ("node", "device", "parent_device", "gpu_model", "mig_profile")}
    return [
        {
            **dict.fromkeys(row),
            **own,
            "namespace": holder.namespace or None,
            "pod": holder.pod,
            "container": holder.container or None,
            "util_ratio": min(ratio, 1.0),
            "confidence": "process",
        }
        for holder, ratio in _by_pod(reading).items()
    ]


def _utilisation(device: Device, account: Account) -> float | None:
    """The graphics engine's activity; the coarser device utilisation only where that is absent.

    On a MIG instance DCGM gives no device utilisation (older versions write 0): it is never taken there.  Of
    AMD's partitions only their compute cores tell it, since device-metrics-exporter 1.3.1.
    """
    engine = account.give("engine_ratio", account.reading.value("engine_ratio"))
    if device.mig_profile:
        account.give("util_ratio", None, "not_measured_on_mig")
        coarse = None
    else:
        device_wide = account.reading.value("util_ratio") if engine is None else None
        coarse = account.give("util_ratio", device_wide)
    cores, known = account.reading.by_label("core_busy"), engine is not None or coarse is not None
    for name, value in cores.items():
        account.give(name, None if known else value)
    if cores and not known:
        return sum(cores.values()) / len(cores)
    ratio = engine if engine is not None else coarse
    return None if ratio is None else min(ratio, 1.0)


def _memory(account: Account) -> dict[str, float | None]:
    """Capacity as told, else used + free + reserved."""
    used = account.give("memory_used", account.reading.value("memory_used"))
    total = account.give("memory_total", account.reading.value("memory_total"))
    parts = {q: account.reading.value(q) for q in _PARTS}
    if total is None and used is not None and parts["memory_free"] is not None:
        total = sum(account.give(q, parts[q]) or 0.0 for q in _PARTS[1:]) + used
    else:
        for quantity in _PARTS[1:]:
            account.give(quantity, None)
    return {"memory_used_bytes": used, "memory_total_bytes": total}


def _shared(
    readings: Mapping[Device, Reading], values: Mapping[Device, float | None]
) -> dict[Device, float | None]:
    """Board values repeat on every MIG instance: the board's value, split by compute slices."""
    boards: dict[str, float] = {}
    weight: Counter[str] = Counter()
    for device in readings:
        value = values[device]
        if value is not None:
            boards[device.physical] = max(boards.get(device.physical, 0.0), value)
        weight[device.physical] += compute_slices(device.mig_profile) if device.partition else 0
    return {d: _part(d, value, boards.get(d.physical), weight[d.physical]) for d, value in values.items()}


def _part(device: Device, value: float | None, board: float | None, weight: int) -> float | None:
    if weight == 0:
        return value
    if board is None or not device.partition:
        return None
    return board * compute_slices(device.mig_profile) / weight
