"""The rows of a cost answer: exact integers of the ledger as GPU-hours and money."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import ROUND_FLOOR, Decimal
from itertools import compress
from operator import add
from typing import Any

from pipeline.answers.answer import Column, Value
from pipeline.answers.cost_columns import Line, Lines
from pipeline.answers.money import amounts, hours

Row = tuple[Value, ...]

BUCKETS = ("used", "workload_idle", "shared", "cluster_idle", "stranded", "unhealthy")
"""Where a second of a device is: worked; held without work; held for all; free; left over beside its card's
partitions; not allocatable.  Each is in exactly one."""

NOBODYS = ("cluster_idle", "stranded", "unhealthy")
"""Also what the lines of nobody's time have as their team, namespace and so on."""
USUAL = ("used", "workload_idle", "cluster_idle")

UNPRICED = ("unpriced_gpu_hours", "unpriced_other_hours")
"""Columns of hours that are in no cost."""
_BESIDE_HOURS = (
    "cpu_used_core_hours", "cpu_unmeasured_core_hours",
    "memory_used_gib_hours", "memory_unmeasured_gib_hours",
)  # fmt: skip
_ALL = Decimal("1.0000")

BESIDE = ("core_used_su", "core_unmeasured_su", "memory_used_su", "memory_unmeasured_su")
"""What holders used of CPUs and memory, and what they held while nobody measured that."""

_SUMS = (
    "allocated_su", "active_su", "idle_held_su", "busy_su", "unallocated_su", "unpriced_su",
    "unpriced_other_su", "observed_su", "over_su", "duplicated_su", "core_su", "memory_su",
    *BESIDE,
    *(f"{bucket}_{unit}" for unit in ("su", "nano") for bucket in BUCKETS),
)  # fmt: skip


def shown(dimension: str, name: str) -> str:
    """How cost_lines.sql writes a holder's name of the dimension: never as nobody's."""
    return f"{name} ({dimension})" if name in NOBODYS else name


def own(name: str) -> str:
    """The name that `shown` was made of."""
    bucket, is_made, _ = name.partition(" (") if name.endswith(")") else (name, "", "")
    return bucket if is_made and bucket in NOBODYS else name


def columns(by: Sequence[str], currency: str, shown: Collection[str] = BUCKETS) -> tuple[Column, ...]:
    """Active is time with utilisation above 0, busy is utilisation times time; both only while held.

    Hours of cores and of GiB are of what a node has beside its GPUs, held or not.  Device-duplicated hours
    were held beside others on a device of which only the whole was measured: their use is split by share.
    Used hours of cores and of GiB are what was measured, unmeasured ones were held while nothing was.
    Unpriced other hours are of a node's cores or memory, of volumes and of load balancers, each as a whole.

    On a terminal only the buckets `shown` are shown.
    """
    dimensions = tuple(Column(d, kind="time" if d in ("hour", "day") else "text") for d in by)
    return (
        *dimensions,
        _hours("allocated_gpu_hours"),
        _hours("active_gpu_hours"),
        _hours("idle_held_gpu_hours"),
        _hours("busy_gpu_hours"),
        _hours("unallocated_gpu_hours"),
        *(Column(f"{bucket}_cost", currency, "money", wide=bucket not in shown) for bucket in BUCKETS),
        Column("total_cost", currency, "money"),
        Column("currency", wide=True),
        Column("rule", wide=True),
        _hours("unpriced_gpu_hours"),
        Column("completeness", "", "ratio"),
        Column("cpu_core_hours", "hours", "decimal", wide=True),
        Column("memory_gib_hours", "hours", "decimal", wide=True),
        *(Column(name, "hours", "decimal", wide=True) for name in _BESIDE_HOURS),
        Column("device_duplicated_gpu_hours", "hours", "decimal", wide=True),
        Column("unpriced_other_hours", "hours", "decimal", wide=True),
    )


def rows(
    lines: Lines, sums: Line, by: Sequence[str], currency: str, rules: Sequence[str], rule: str
) -> tuple[tuple[Row, ...], Row]:
    """The rows, most expensive first (in the order of time where `by` has time), and their sum.

    `rules` name what each line was made by, `rule` what all of them were.
    """
    costs: list[int] = []
    found: list[tuple[Any, ...]] = []
    for bucket in BUCKETS if "bucket" in by else (None,):
        is_in = [True] * lines.count if bucket is None else _has(lines, bucket)
        nanos, columns = _columns(by, lines.only(is_in), bucket, currency, [*compress(rules, is_in)])
        costs += nanos
        found += zip(*columns, strict=True)
    order, times = list(range(len(found))), [i for i, d in enumerate(by) if d in ("hour", "day")]
    # A column at a time, what weighs most as the last: no tuple a row of all of them.
    for place in reversed([i for i in range(len(by)) if i not in times]):
        order.sort(key=[str(row[place]) for row in found].__getitem__)
    order.sort(key=costs.__getitem__, reverse=True)
    for place in reversed(times):
        order.sort(key=[row[place] for row in found].__getitem__)
    whole = Lines.of_each([sums | dict.fromkeys(by, "")])
    _, total = _columns(by, whole, None, currency, [rule])
    return tuple(found[i] for i in order), tuple(value for (value,) in total)


def buckets(sums: Line) -> set[str]:
    """The usual ones, and those that hold anything."""
    (held,) = zip(*(_has(Lines.of_each([sums]), bucket) for bucket in BUCKETS), strict=True)
    return {*USUAL, *compress(BUCKETS, held)}


def told(lines: Lines) -> Lines:
    """Those with a cost or hours of their own; cores that the price of GPUs pays for have none."""
    names = ("allocated_su", "unallocated_su", "unpriced_other_su", *(f"{bucket}_nano" for bucket in BUCKETS))
    return lines.only([*map(any, zip(*(lines[name] for name in names), strict=True))])


def completeness(sums: Line) -> Decimal | None:
    """Observed over existing device time; None where no device exists in the window."""
    return _ratio(sums["allocated_su"] + sums["unallocated_su"], sums["observed_su"])


def _hours(name: str) -> Column:
    return Column(name, "hours", "decimal")


def sums(lines: Lines) -> Line:
    """None where every line is None: a cost that nothing is known of."""
    return {name: _sum(name, lines[name]) for name in _SUMS}


def _sum(name: str, values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known or not name.endswith("_nano") else None


def _has(lines: Lines, bucket: str) -> list[bool]:
    return [bool(su or nano) for su, nano in zip(lines[f"{bucket}_su"], lines[f"{bucket}_nano"], strict=True)]


def _columns(
    by: Sequence[str], lines: Lines, bucket: str | None, currency: str, rules: Sequence[str]
) -> tuple[list[int], list[Sequence[Any]]]:
    """What each line costs in billionths, and all columns; of a bucket its part alone."""
    count, whole = lines.count, bucket is None
    nothing: list[Any] = [None] * count
    nanos = [_known(lines[f"{b}_nano"]) for b in BUCKETS if bucket in (None, b)]
    totals = [*map(sum, zip(*nanos, strict=True))]
    unpriced = _all_unpriced(lines)
    parts = iter(nanos)
    columns: list[Sequence[Any]] = [
        *([bucket] * count if d == "bucket" and bucket else lines[d] for d in by),
        *_times(lines, bucket, nothing),
        *(_money(next(parts), unpriced) if bucket in (None, b) else nothing for b in BUCKETS),
        _money(totals, unpriced),
        [currency] * count,
        rules,
        hours(lines["unpriced_su"]) if whole else nothing,
        [*map(_ratio, _existing(lines), lines["observed_su"])] if whole else nothing,
        *(
            hours(lines[name], _parts(name)) if whole else nothing
            for name in ("core_su", "memory_su", *BESIDE)
        ),
        hours(lines["duplicated_su"]) if whole else nothing,
        hours(lines["unpriced_other_su"]) if whole else nothing,
    ]
    return totals, columns


def _parts(name: str) -> int:
    """Sums of cores are of thousandths, of GiB of MiB."""
    return 1_000 if name.startswith("core") else 1_024


def _known(nanos: list[int | None]) -> list[int]:
    return [nano or 0 for nano in nanos]


def _money(nanos: list[int], unpriced: Sequence[bool]) -> Sequence[Decimal | None]:
    """None where nothing of a line has a price."""
    found = amounts(nanos)
    if not any(unpriced):
        return found
    return [None if without else amount for amount, without in zip(found, unpriced, strict=True)]


def _existing(lines: Lines) -> list[int]:
    return [*map(add, lines["allocated_su"], lines["unallocated_su"])]


def _all_unpriced(lines: Lines) -> list[bool]:
    gpus, others = lines["unpriced_su"], lines["unpriced_other_su"]
    if not any(gpus) and not any(others):
        return [False] * lines.count
    costs = zip(*(lines[f"{bucket}_nano"] for bucket in BUCKETS), strict=True)
    each = zip(_existing(lines), gpus, others, costs, strict=True)
    return [gpu + other > 0 and gpu == exists and not any(cost) for exists, gpu, other, cost in each]


def _times(lines: Lines, bucket: str | None, nothing: list[Any]) -> list[Sequence[Any]]:
    """Allocated, active, idle-held, busy, unallocated; a bucket is all one kind of time."""
    if bucket is None:
        names = ("allocated_su", "active_su", "idle_held_su", "busy_su", "unallocated_su")
        return [hours(lines[name]) for name in names]
    own, none = hours(lines[f"{bucket}_su"]), hours([0] * len(nothing))
    if bucket in NOBODYS:
        return [none, nothing, nothing, none, own]
    busy = {"used": own, "workload_idle": none}.get(bucket, nothing)
    return [own, nothing, nothing, busy, none]


def _ratio(exists: int, observed: int) -> Decimal | None:
    if not exists:
        return None
    if observed == exists:
        return _ALL
    # Rounded down, so that 1 means all of it.
    return (Decimal(observed) / Decimal(exists)).quantize(_ALL, ROUND_FLOOR)
