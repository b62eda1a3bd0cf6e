"""What a scrape says about a device's health: XID errors, ECC errors, remapped rows, throttled clocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.dcgm.devices import Device
from collectors.dcgm.metrics import COUNTERS, Quantity
from collectors.dcgm.reading import WATCHED, Account, Counters, Reading, increase

_FAILED = 20.0
"""DCGM_HEALTH_RESULT_FAIL."""
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
    """Columns of `gpu`."""
    before = previous.get(device.device, {})
    reasons = account.give("throttle", account.reading.value("throttle"))
    row: dict[str, Any] = {
        **_xids(account, before),
        "unhealthy": _unhealthy(account),
        "throttle_reasons": None if reasons is None else int(reasons),
    }
    for quantity in _COUNTED:
        known = quantity in before
        reason = "device_duplicate" if known else "counter_without_previous"
        value = account.give(quantity, counted[quantity][device], reason)
        row[quantity] = None if value is None else int(value)
    return row


def _xids(account: Account, before: Mapping[str, float]) -> dict[str, int | None]:
    """The last code, and how many errors came, at least.

    By code they are counted; the last code alone says with its change that there was one.  What an exporter
    counted before it began anew, or what left its window meanwhile, is not seen.
    """
    reading = account.reading
    xid = account.give("xid", reading.value("xid"))
    total, recent = reading.by_label("xid_total"), reading.by_label("xid_recent")
    for name, value in (total | recent).items():
        account.give(name, value)
    codes, errors = {}, None
    if (total or recent) and WATCHED in before:
        for name, now in (total or recent).items():
            was = before.get(name, 0.0)
            codes[name.partition("/")[2]] = now - was if now >= was else now if total else 0.0
        errors = int(sum(codes.values()))
    elif not (total or recent) and xid is not None and "xid" in before:
        errors = int(xid not in (0.0, before["xid"]))
    most = max(codes, key=codes.__getitem__, default="")
    if xid is None and errors and most.isdecimal() and len(most) < 6:
        xid = float(most)
    return {"xid": None if xid is None else int(xid), "xid_errors": errors}


def _unhealthy(account: Account) -> int | None:
    """Whether the exporter says that the device failed: AMD's 0, or of DCGM's health checks one."""
    healthy = account.give("healthy", account.reading.value("healthy"))
    checks = account.reading.by_label("watched")
    for name, value in checks.items():
        account.give(name, value)
    if healthy is None and not checks:
        return None
    return int(healthy == 0.0 or any(value >= _FAILED for value in checks.values()))


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
