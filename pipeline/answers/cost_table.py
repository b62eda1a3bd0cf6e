"""The rows of a cost answer: exact integers of the ledger as GPU-hours and money."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from decimal import ROUND_FLOOR, Decimal
from functools import partial
from operator import itemgetter
from typing import Any

import pyarrow as pa

from pipeline.answers.answer import Column, Value
from pipeline.answers.money import from_nano, gpu_hours, unit_hours

Row = tuple[Value, ...]
Line = dict[str, Any]
"""A line of cost_lines.sql, by column."""

BUCKETS = ("used", "workload_idle", "shared", "cluster_idle", "stranded", "unhealthy")
"""Where a second of a device is: worked; held without work; held for all; free; left over beside its card's
partitions; not allocatable.  Each is in exactly one."""

NOBODYS = ("cluster_idle", "stranded", "unhealthy")
_MANY = 1_000
"""Lines from which it is worth a seventh of a second to load what makes integers of decimals at once."""
USUAL = ("used", "workload_idle", "cluster_idle")

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


def lines(table: pa.Table) -> list[Line]:
    """The lines of the table; their sums as int, which is a tenth of the time of Decimal."""
    names, columns = table.column_names, [_plain(column) for column in table.columns]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _plain(column: pa.ChunkedArray) -> list[Value]:
    if pa.types.is_decimal(column.type) and len(column) > _MANY:
        with suppress(pa.ArrowInvalid):  # more than 64 bits
            column = column.cast(pa.int64())
    if pa.types.is_decimal(column.type):
        return [None if value is None else int(value) for value in column.to_pylist()]
    values: list[Value] = column.to_pylist()
    return values


def columns(by: Sequence[str], currency: str, shown: Collection[str] = BUCKETS) -> tuple[Column, ...]:
    """Active is time with utilisation above 0, busy is utilisation times time; both only while held.

    Hours of cores and of GiB are of what a node has beside its GPUs, held or not.  Device-duplicated hours
    were held beside others on a device of which only the whole was measured: their use is split by share.
    Used hours of cores and of GiB are what was measured, unmeasured ones were held while nothing was.

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
    )


def rows(
    lines: Sequence[Line], sums: Line, by: Sequence[str], currency: str, rule: Callable[[Line], str]
) -> tuple[tuple[Row, ...], Row]:
    """The rows, most expensive first (in the order of time where `by` has time), and their sum.

    `rule` names what a line was made by.
    """
    cut = {b: [line for line in lines if _has(line, b)] for b in BUCKETS} if "bucket" in by else {None: lines}
    times = [i for i, d in enumerate(by) if d in ("hour", "day")]
    ordered: list[tuple[tuple[Any, ...], Row]] = []
    for bucket, some in cut.items():
        dimensions, nanos, found = _columns(by, some, bucket, currency, rule)
        texts = [list(map(str, column)) for column in dimensions]
        least = [-nano for nano in nanos]  # the most expensive first
        keys = zip(*(texts[i] for i in times), least, *texts, strict=True)
        ordered += zip(keys, zip(*found, strict=True), strict=True)
    ordered.sort(key=itemgetter(0))
    whole = sums | dict.fromkeys(by, "")
    *_, total = _columns(by, [whole], None, currency, rule)
    return tuple(row for _, row in ordered), tuple(value for (value,) in total)


def buckets(sums: Line) -> set[str]:
    """The usual ones, and those that hold anything."""
    return {*USUAL, *(bucket for bucket in BUCKETS if _has(sums, bucket))}


def is_told(line: Line) -> bool:
    """Whether it has a cost or hours of its own; cores that the price of GPUs pays for have none."""
    names = ("allocated_su", "unallocated_su", "unpriced_other_su", *(f"{bucket}_nano" for bucket in BUCKETS))
    return any(line[name] for name in names)


def completeness(sums: Line) -> Decimal | None:
    """Observed over existing device time; None where no device exists in the window."""
    return _ratio(sums)


def _hours(name: str) -> Column:
    return Column(name, "hours", "decimal")


def sums(lines: Sequence[Line]) -> Line:
    """None where every line is None: a cost that nothing is known of."""
    known = {name: [line[name] for line in lines if line[name] is not None] for name in _SUMS}
    return {n: sum(v) if v or not n.endswith("_nano") else None for n, v in known.items()}


def _has(line: Line, bucket: str) -> bool:
    return bool(line[f"{bucket}_su"] or line[f"{bucket}_nano"])


def _columns(
    by: Sequence[str], lines: Sequence[Line], bucket: str | None, currency: str, rule: Callable[[Line], str]
) -> tuple[list[list[Any]], list[int], list[list[Any]]]:
    """The columns `by`, what each line costs in billionths, and all columns; of a bucket its part alone.

    A column at a time: most are zero in every line, and then one zero is made.
    """

    def of(name: str) -> list[Any]:
        return [line[name] for line in lines]

    nothing: list[Any] = [None] * len(lines)
    dimensions: list[list[Any]] = [[bucket] * len(lines) if d == "bucket" and bucket else of(d) for d in by]
    unpriced = [_all_unpriced(line) for line in lines]
    nanos = [[nano or 0 for nano in of(f"{b}_nano")] for b in BUCKETS if bucket in (None, b)]
    totals = list(map(sum, zip(*nanos, strict=True)))
    parts = iter(nanos)
    costs = [_money(next(parts), unpriced) if bucket in (None, b) else nothing for b in BUCKETS]
    whole = bucket is None
    columns: list[list[Any]] = [
        *dimensions,
        *_times(of, bucket, nothing),
        *costs,
        _money(totals, unpriced),
        [currency] * len(lines),
        [rule(line) for line in lines],
        _each(gpu_hours, of("unpriced_su")) if whole else nothing,
        [_ratio(line) for line in lines] if whole else nothing,
        _each(_hours_of("core_su"), of("core_su")) if whole else nothing,
        _each(_hours_of("memory_su"), of("memory_su")) if whole else nothing,
        *(_each(_hours_of(name), of(name)) if whole else nothing for name in BESIDE),
        _each(gpu_hours, of("duplicated_su")) if whole else nothing,
    ]
    return dimensions, totals, columns


def _hours_of(name: str) -> Callable[[int], Decimal]:
    """Hours of cores or GiB from sums of thousandths or MiB."""
    return partial(unit_hours, parts=1_000 if name.startswith("core") else 1_024)


def _each(value: Callable[[int], Decimal], numbers: list[int]) -> list[Decimal]:
    return [value(number) for number in numbers] if any(numbers) else [value(0)] * len(numbers)


def _money(nanos: list[int], unpriced: list[bool]) -> list[Decimal | None]:
    """None where nothing of a line has a price."""
    found: list[Decimal | None] = [*_each(from_nano, nanos)]
    if not any(unpriced):
        return found
    return [None if without else amount for amount, without in zip(found, unpriced, strict=True)]


def _all_unpriced(line: Line) -> bool:
    if not line["unpriced_su"] and not line["unpriced_other_su"]:
        return False
    exists = line["allocated_su"] + line["unallocated_su"]
    unpriced = line["unpriced_su"] + line["unpriced_other_su"] > 0 and line["unpriced_su"] == exists
    return bool(unpriced) and not any(line[f"{bucket}_nano"] for bucket in BUCKETS)


def _times(of: Callable[[str], list[int]], bucket: str | None, nothing: list[Any]) -> list[list[Any]]:
    """Allocated, active, idle-held, busy, unallocated; a bucket is all one kind of time."""
    if bucket is None:
        names = ("allocated_su", "active_su", "idle_held_su", "busy_su", "unallocated_su")
        return [_each(gpu_hours, of(name)) for name in names]
    own, none = _each(gpu_hours, of(f"{bucket}_su")), [gpu_hours(0)] * len(nothing)
    if bucket in NOBODYS:
        return [none, nothing, nothing, none, own]
    busy = {"used": own, "workload_idle": none}.get(bucket, nothing)
    return [own, nothing, nothing, busy, none]


def _ratio(line: Line) -> Decimal | None:
    exists, observed = line["allocated_su"] + line["unallocated_su"], line["observed_su"]
    if not exists:
        return None
    if observed == exists:
        return _ALL
    # Rounded down, so that 1 means all of it.
    return (Decimal(observed) / Decimal(exists)).quantize(_ALL, ROUND_FLOOR)
