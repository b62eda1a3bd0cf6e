"""The readings of one scrape become one row a device: repeats are taken once, shared ones are split."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from collectors.dcgm_devices import Device, Holder, slices
from collectors.dcgm_metrics import Quantity

_PARTS: tuple[Quantity, ...] = ("memory_used", "memory_free", "memory_reserved")


class Reading:
    """What an exporter said about one device in one scrape."""

    __slots__ = ("_values", "holders")

    def __init__(self) -> None:
        self._values: dict[Quantity, list[tuple[Holder | None, float]]] = defaultdict(list)
        self.holders: set[Holder | None] = set()

    def add(self, quantity: Quantity, holder: Holder | None, value: float) -> None:
        self._values[quantity].append((holder, value))
        self.holders.add(holder)

    def value(self, quantity: Quantity) -> float | None:
        """The device's own value: the line without a pod, else the largest of the pods' copies."""
        values = self._values.get(quantity, ())
        own = [v for holder, v in values if holder is None]
        return max(own or [v for _, v in values], default=None)

    def lines(self, quantity: Quantity) -> int:
        return len(self._values.get(quantity, ()))


def gpu_rows(
    readings: Mapping[Device, Reading], previous: Mapping[str, float] | None, excluded: Counter[str]
) -> tuple[list[dict[str, Any]], int]:
    """Rows of `gpu` by column name, and how many lines they rest on; the other lines go to `excluded`."""
    power = _shared(readings, {d: r.value("power") for d, r in readings.items()})
    energy = _shared(readings, {d: _increase(d, r, previous) for d, r in readings.items()})
    rows = []
    used = 0
    for device, reading in readings.items():
        account = _Account(reading, excluded)
        row = _identity(device, reading)
        row["util_ratio"] = _utilisation(device, account)
        row |= _memory(account)
        row["power_watts"] = account.give("power", power[device])
        row["energy_joules"] = account.give("energy", energy[device], "energy_counter_without_previous")
        xid = account.give("xid", reading.value("xid"))
        row["xid"] = None if xid is None else int(xid)
        used += account.used
        if account.used:
            rows.append(row)
    return rows, used


class _Account:
    """Each line of a device is used once: for its value, as a repeat, or not at all, by name."""

    def __init__(self, reading: Reading, excluded: Counter[str]) -> None:
        self.reading = reading
        self.used = 0
        self._excluded = excluded

    def give(self, quantity: Quantity, value: float | None, otherwise: str = "superseded") -> float | None:
        lines = self.reading.lines(quantity)
        if lines and value is None:
            self._excluded[otherwise] += lines
        elif lines:
            self.used += 1
            if lines > 1:
                self._excluded["device_duplicate"] += lines - 1
        return value


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
        "confidence": "device-duplicated" if len(reading.holders) > 1 else "measured",
    }


def _utilisation(device: Device, account: _Account) -> float | None:
    """The graphics engine's activity; the coarser device utilisation only where that is absent.

    On a MIG instance DCGM gives no device utilisation (older versions write 0): it is never taken there.
    """
    engine = account.give("engine_ratio", account.reading.value("engine_ratio"))
    if device.mig_profile:
        account.give("util_ratio", None, "not_measured_on_mig")
        coarse = None
    else:
        device_wide = account.reading.value("util_ratio") if engine is None else None
        coarse = account.give("util_ratio", device_wide)
    ratio = engine if engine is not None else coarse
    return None if ratio is None else min(ratio, 1.0)


def _memory(account: _Account) -> dict[str, float | None]:
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


def _increase(device: Device, reading: Reading, previous: Mapping[str, float] | None) -> float | None:
    """Joules since `previous`; a counter that went down was reset to 0 by a driver reload."""
    now = reading.value("energy")
    before = (previous or {}).get(device.device)
    if now is None or before is None:
        return None
    return now - before if now >= before else now


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
        weight[device.physical] += slices(device.mig_profile) if device.partition else 0
    return {d: _part(d, value, boards.get(d.physical), weight[d.physical]) for d, value in values.items()}


def _part(device: Device, value: float | None, board: float | None, weight: int) -> float | None:
    if weight == 0:
        return value
    if board is None or not device.partition:
        return None
    return board * slices(device.mig_profile) / weight
