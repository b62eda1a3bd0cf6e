"""What a reader of a cost answer must know: missing prices, time that nobody saw, shares that clash."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

import pyarrow as pa

from pipeline.answers.cost_columns import Line
from pipeline.answers.money import gpu_hours, unit_hours
from pipeline.answers.window import Window
from pipeline.prices.price import MATCH_FIELDS, Profile
from pipeline.settings.cost import CostRule, Method
from pipeline.store import Store

SCALED = "were held by shares of more than a device; they were scaled to it"
"""After it come the names of who held them."""
DUPLICATED = (
    "were held beside others on one device of which only the whole was measured (device-duplicated): "
    "use is split by share"
)
_SHOWN = 5


NO_GPU = "no GPU existed in this window; leave --window out to see the whole ledger"


def notes(
    store: Store,
    sums: Line | None,
    prices: Callable[[], pa.Table],
    window: Window,
    as_of: datetime | None,
    version: str,
    clash: str,
) -> tuple[str, ...]:
    """Sentences, the ones that change the numbers first; `sums` are None where there was no device.

    `prices` are looked up where one is missing; `clash` names who holds more than there is.
    """
    names = ("unpriced_su", "unpriced_other_su", "unseen", "over_su")
    unpriced, others, unseen, over = (_hours(sums, name) for name in names)
    found: list[str] = []
    if sums is None:
        found.append(NO_GPU)
        if as_of is not None and as_of < window.end:
            found.append("what has no end is counted up to the newest fact of its cluster")
    if unpriced:
        found.append(f"{told(unpriced)} GPU-hours have no price and are in no cost")
        found += _reasons(prices(), gpus=True)
    if others:
        found.append(f"{told(others)} hours of CPUs, memory, volumes or load balancers have no price")
        found += _reasons(prices(), gpus=False)
    if over:
        found.append(f"{told(over)} GPU-hours {SCALED}: {clash}")
    if unseen:
        found.append(
            f"{told(unseen)} GPU-hours were not observed; what is held and not observed counts as idle"
        )
    duplicated = _hours(sums, "duplicated_su")
    if duplicated:
        found.append(f"{told(duplicated)} GPU-hours {DUPLICATED}")
    found += _conditions(store, window, is_said=bool(duplicated))
    if as_of is not None and as_of < window.end:
        found.append(f"the newest GPU fact is of {as_of:%Y-%m-%dT%H:%M:%SZ}; nothing after it is counted")
    found.append(f"prices: {version}")
    return tuple(found)


def by_use(sums: Line, rule: CostRule) -> tuple[str, ...]:
    """Where a method goes by what is used of CPUs and memory: how much of that nothing measured."""
    if not any(one.charges_use or one.method is Method.usage for one in rule.all):
        return ()
    if not sums["core_su"] and not sums["memory_su"]:
        if not rule.has(Method.max):
            return ()
        return ("method max: the ledger has no CPUs or memory, and of a GPU nobody uses more than he holds",)
    cores = unit_hours(sums["core_unmeasured_su"], 1_000)
    gib = unit_hours(sums["memory_unmeasured_su"], 1_024)
    if not cores and not gib:
        return ()
    held = f"{told(cores)} core-hours and {told(gib)} GiB-hours that are held"
    return (f"use was not measured of {held}: they count as used",)


def clash(sums: Line, ask: Callable[[Sequence[str]], list[Line]]) -> str:
    """Devices of which more is held than there is, each with its holders; `ask` gives lines by dimensions."""
    if not sums["over_su"]:
        return ""
    held: dict[str, list[str]] = defaultdict(list)
    for line in ask(("cluster", "device", "namespace", "pod")):
        if line["over_su"]:
            held[f"{line['cluster']}/{line['device']}"].append(f"{line['namespace']}/{line['pod']}")
    said = [f"{device} by {', '.join(sorted(who)[:_SHOWN])}" for device, who in sorted(held.items())]
    more = [f"and {len(said) - _SHOWN} more"] if len(said) > _SHOWN else []
    return "; ".join(said[:_SHOWN] + more)


def _conditions(store: Store, window: Window, *, is_said: bool) -> Iterable[str]:
    (row,) = store.query("cost_conditions", start=window.start, end=window.end).to_pylist()
    hours = Decimal(row["shared_seconds"]) / 3600
    if hours and not is_said:
        yield (
            f"of {told(hours)} hours only the whole of a shared device was measured (device-duplicated): "
            "its use is split by share"
        )
    if row["failing_devices"]:
        yield f"{row['failing_devices']} devices had XID or uncorrected memory errors"


def told(hours: Decimal) -> str:
    """As a person says it: `1,234`, `12.5`, `0.25`; the columns have them to the millionth."""
    if hours < Decimal("0.01"):
        return "less than 0.01"
    digits = 0 if hours >= 100 else 1 if hours >= 10 else 2
    text = f"{hours:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits else text


def _hours(sums: Line | None, name: str) -> Decimal:
    if sums is None:
        return Decimal(0)
    if name == "unseen":
        return gpu_hours(sums["allocated_su"] + sums["unallocated_su"] - sums["observed_su"])
    return gpu_hours(sums[name])


def _reasons(prices: pa.Table, *, gpus: bool) -> Iterable[str]:
    """Which devices have no price, and what to do about it; the bare rows only where nothing else is left."""
    rows = [r for r in prices.to_pylist() if r["nano"] is None and (not r["resource"]) == gpus]
    described = [r for r in rows if any(r[f] for f in MATCH_FIELDS if f != "cluster")] or rows
    profiles = [(Profile(**{f: r[f] for f in MATCH_FIELDS}), r["reason"]) for r in described]
    said = list(dict.fromkeys(f"{profile}: {reason}" for profile, reason in profiles))
    more = [f"and {len(said) - _SHOWN} more kinds of device without a price"] if len(said) > _SHOWN else []
    return said[:_SHOWN] + more
