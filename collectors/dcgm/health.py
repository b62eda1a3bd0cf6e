"""What a scrape says about a device's health: XID errors, ECC errors, remapped rows, throttled clocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.dcgm.devices import Device
from collectors.dcgm.metrics import COUNTERS, Quantity
from collectors.dcgm.reading import Account, Counters, Reading, increase

_COUNTED = tuple(quantity for quantity in COUNTERS if quantity != "energy")


def increases(
    readings: Mapping[Device, Reading], previous: Counters
) -> dict[Quantity, dict[Device, float | None]]:
    """Errors since `previous` by kind and device; a board's MIG instances repeat one count, which the first
    of them gets."""
    return {
        q: _once(readings, {d: increase(d, r, q, previous) for d, r in readings.items()}) for q in _COUNTED
    }


def health(
    device: Device,
    account: Account,
    previous: Counters,
    counted: Mapping[Quantity, Mapping[Device, float | None]],
) -> dict[str, Any]:
    """Columns of `gpu`.  The exporter tells the last XID only: its change is one error, or more."""
    xid = account.give("xid", account.reading.value("xid"))
    before = previous.get(device.device, {}).get("xid")
    reasons = account.give("throttle", account.reading.value("throttle"))
    row: dict[str, Any] = {
        "xid": None if xid is None else int(xid),
        "xid_errors": None if xid is None or before is None else int(xid not in (0.0, before)),
        "throttle_reasons": None if reasons is None else int(reasons),
    }
    for quantity in _COUNTED:
        known = device.device in previous and quantity in previous[device.device]
        reason = "device_duplicate" if known else "counter_without_previous"
        value = account.give(quantity, counted[quantity][device], reason)
        row[quantity] = None if value is None else int(value)
    return row


def _once(
    readings: Mapping[Device, Reading], values: Mapping[Device, float | None]
) -> dict[Device, float | None]:
    first: dict[str, Device] = {}
    most: dict[str, float] = {}
    for device in sorted(readings, key=lambda d: d.device):
        value = values[device]
        if value is not None:
            first.setdefault(device.physical, device)
            most[device.physical] = max(most.get(device.physical, 0.0), value)
    return {d: most[d.physical] if first.get(d.physical) == d else None for d in readings}
