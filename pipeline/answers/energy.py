"""Energy of GPUs from metered joules, shared out to those who held them, and the carbon of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, NamedTuple

from pipeline.answers import dimensions, rolled
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.intensity import Intensity
from pipeline.ownership.rules import Ownership
from pipeline.prices.exact import EXACT, over, times
from pipeline.store import Store

DIMENSIONS = (
    "team", "cost_centre", "environment", "namespace", "workload", "pod", "model", "model_version",
    "device", "cluster", "day",
)  # fmt: skip
_MICROJOULES_PER_KWH = 3_600_000_000_000
_KWH, _KG = Decimal("1e-6"), Decimal("1e-6")
UNKNOWN = "unknown"

METERED = (
    "kwh is the energy counter of the cards, else their power times time; what several held on one day is "
    "shared out by their GPU-hours of that day (shared_kwh), since a card has one meter"
)
SILENT = "{count} cards tell no energy: theirs is in no sum"
UNSET = "no carbon: name a file of intensities in the setting energy.intensity; docs/energy.md shows one"
UNRATED = "{kwh} kWh are of regions without an intensity and in no kg: {places}"
SOURCE = "intensity: {version}; {sources}"


class _Part(NamedTuple):
    key: tuple[Value, ...]
    microjoules: int
    shared: bool
    grams: Decimal | None
    """gCO2e a kWh with the building's share; None where it is unknown."""


def energy(
    store: Store,
    window: Window,
    by: Sequence[str] = ("team",),
    intensity: Intensity = Intensity(),  # noqa: B008  frozen
    owners: Ownership = Ownership(),  # noqa: B008  frozen
) -> Answer:
    """One row a value of the dimensions of `by`, most energy first; rows sum to the meters, exactly.

    Energy that nobody held stands under the names that costs have for it.  NotFound without any GPU fact.
    """
    dimensions.check(by, DIMENSIONS)
    with store.steady():
        keys = ("cluster", "device", "day")
        asked = tuple(dict.fromkeys((*keys, *by)))
        held = cost(store, window, asked, owners=owners)
        inventory = store.query("cost_inventory")
        days = store.query(
            "energy_days", tables={"inventory": inventory}, start=window.start, end=window.end
        ).to_pylist()
        said = rolled.notes(store, window)
    holders = _holders(held, keys, by)
    parts = [part for row in days for part in _parts(row, holders, by, intensity)]
    groups: dict[tuple[Value, ...], list[_Part]] = defaultdict(list)
    for part in parts:
        groups[part.key].append(part)
    rows = [(*key, *_summed(of)) for key, of in groups.items()]
    times_first = [i for i, d in enumerate(by) if d == "day"]
    rows.sort(
        key=lambda row: ([str(row[i]) for i in times_first], -_number(row[len(by)]), str(row[: len(by)]))
    )
    total = (*("" for _ in by), *_summed(parts)) if parts else None
    as_of: datetime | None = max((row["last"] for row in days), default=None)
    notes = (*_notes(days, intensity), *said)
    return Answer(_columns(by), tuple(rows), as_of, held.completeness, notes, total, window)


def _columns(by: Sequence[str]) -> tuple[Column, ...]:
    return (
        *(Column(d, kind="time" if d == "day" else "text") for d in by),
        Column("kwh", "kWh", "decimal"), Column("shared_kwh", "kWh", "decimal"),
        Column("kg_co2e", "kg", "decimal"), Column("unrated_kwh", "kWh", "decimal", wide=True),
    )  # fmt: skip


Holders = dict[tuple[Value, ...], list[tuple[tuple[Value, ...], Decimal]]]


def _holders(held: Answer, keys: Sequence[str], by: Sequence[str]) -> Holders:
    """GPU-hours of each card and day, by the values of `by`."""
    found: Holders = defaultdict(list)
    for row in held.named():
        hours = _number(row["allocated_gpu_hours"]) + _number(row["unallocated_gpu_hours"])
        if hours > 0:
            found[tuple(row[k] for k in keys)].append((tuple(row[d] for d in by), hours))
    return found


def _parts(row: dict[str, Any], holders: Holders, by: Sequence[str], intensity: Intensity) -> Iterator[_Part]:
    """The card's energy of the day, cut down to each of its holders; what that leaves is the largest's."""
    rate = intensity.at(row["provider"], row["region"], row["day"].date())
    grams = None if rate is None else times(rate.grams_per_kwh, rate.pue)
    of = sorted(
        holders.get((row["cluster"], row["device"], row["day"]), ()), key=lambda h: (-h[1], str(h[0]))
    )
    if not of:
        own = {"cluster": row["cluster"], "device": row["device"], "day": row["day"]}
        of = [(tuple(own.get(d, UNKNOWN) for d in by), Decimal(1))]
    whole = sum((hours for _, hours in of), Decimal(0))
    cuts = [int(row["microjoules"] * hours // whole) for _, hours in of]
    cuts[0] += row["microjoules"] - sum(cuts)
    for (key, _), cut in zip(of, cuts, strict=True):
        yield _Part(key, cut, len(of) > 1, grams)


def _summed(parts: Sequence[_Part]) -> tuple[Value, ...]:
    """kwh, shared_kwh, kg_co2e (None where nothing is rated), unrated_kwh."""
    rated = [p for p in parts if p.grams is not None]
    kg = sum((_kg(p.microjoules, p.grams) for p in rated if p.grams is not None), Decimal(0))
    return (
        _kwh(sum(p.microjoules for p in parts)),
        _kwh(sum(p.microjoules for p in parts if p.shared)),
        kg.quantize(_KG, ROUND_HALF_EVEN, context=EXACT) if rated else None,
        _kwh(sum(p.microjoules for p in parts if p.grams is None)),
    )


def _kg(microjoules: int, grams: Decimal) -> Decimal:
    return over(times(Decimal(microjoules), grams), 1_000 * _MICROJOULES_PER_KWH)


def _kwh(microjoules: int) -> Decimal:
    return over(Decimal(microjoules), _MICROJOULES_PER_KWH).quantize(_KWH, ROUND_HALF_EVEN, context=EXACT)


def _number(value: Value) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(0)


def _notes(days: Sequence[dict[str, Any]], intensity: Intensity) -> Iterator[str]:
    yield METERED
    silent = {(row["cluster"], row["device"]) for row in days}
    silent -= {(row["cluster"], row["device"]) for row in days if row["microjoules"]}
    if silent:
        yield SILENT.format(count=len(silent))
    if not intensity.rows:
        yield UNSET
        return
    rates = [(row, intensity.at(row["provider"], row["region"], row["day"].date())) for row in days]
    missing = [row for row, rate in rates if rate is None and row["microjoules"]]
    if missing:
        places = sorted({f"{row['provider'] or 'unknown'} {row['region'] or 'unknown'}" for row in missing})
        lost = _kwh(sum(row["microjoules"] for row in missing))
        yield UNRATED.format(kwh=f"{lost:f}", places=", ".join(places))
    sources = sorted({f"{r.grams_per_kwh:f} g × PUE {r.pue:f} ({r.source})" for _, r in rates if r})
    yield SOURCE.format(version=intensity.version, sources=", ".join(sources))
