"""The rows of a cost answer: exact integers of the ledger as GPU-hours and money."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from decimal import ROUND_FLOOR, Decimal
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

_SUMS = (
    "allocated_su", "active_su", "idle_held_su", "busy_su", "unallocated_su", "unpriced_su",
    "unpriced_other_su", "observed_su", "over_su", "duplicated_su", "core_su", "memory_su",
    *(f"{bucket}_{unit}" for unit in ("su", "nano") for bucket in BUCKETS),
)  # fmt: skip


def lines(table: pa.Table) -> list[Line]:
    """The lines of the table; their sums as int, which is a tenth of the time of Decimal."""
    columns = [_plain(column) for column in table.columns]
    return [dict(zip(table.column_names, values, strict=True)) for values in zip(*columns, strict=True)]


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
        Column("device_duplicated_gpu_hours", "hours", "decimal", wide=True),
    )


def rows(
    lines: Sequence[Line], sums: Line, by: Sequence[str], currency: str, rule: Callable[[Line], str]
) -> tuple[tuple[Row, ...], Row]:
    """The rows, most expensive first (in the order of time where `by` has time), and their sum.

    `rule` names what a line was made by.
    """
    out = [_row(by, line, bucket, currency, rule(line)) for line in lines for bucket in _buckets(by, line)]
    times = [i for i, d in enumerate(by) if d in ("hour", "day")]
    cost_at = [c.name for c in columns(by, currency)].index("total_cost")

    def order(row: Row) -> tuple[list[str], Decimal, list[str]]:
        amount = row[cost_at]
        spent = amount if isinstance(amount, Decimal) else Decimal(0)
        return [str(row[i]) for i in times], -spent, [str(v) for v in row[: len(by)]]

    whole = sums | dict.fromkeys(by, "")
    total = _row(by, whole, None, currency, rule(whole))
    return tuple(sorted(out, key=order)), total


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


def _buckets(by: Sequence[str], line: Line) -> list[str | None]:
    return [b for b in BUCKETS if _has(line, b)] if "bucket" in by else [None]


def _has(line: Line, bucket: str) -> bool:
    return bool(line[f"{bucket}_su"] or line[f"{bucket}_nano"])


def _row(by: Sequence[str], line: Line, bucket: str | None, currency: str, rule: str) -> Row:
    """A line, or the part of it that is in one bucket."""
    costs = [from_nano(line[f"{b}_nano"] or 0) if bucket in (None, b) else None for b in BUCKETS]
    if _all_unpriced(line):
        costs = [None] * len(BUCKETS)
    known = [c for c in costs if c is not None]
    return (
        *(bucket if d == "bucket" and bucket else line[d] for d in by),
        *_times(line, bucket),
        *costs,
        sum(known, Decimal(0)) if known else None,
        currency,
        rule,
        gpu_hours(line["unpriced_su"]) if bucket is None else None,
        _ratio(line) if bucket is None else None,
        unit_hours(line["core_su"], 1_000) if bucket is None else None,
        unit_hours(line["memory_su"], 1_024) if bucket is None else None,
        gpu_hours(line["duplicated_su"]) if bucket is None else None,
    )


def _all_unpriced(line: Line) -> bool:
    exists = line["allocated_su"] + line["unallocated_su"]
    unpriced = line["unpriced_su"] + line["unpriced_other_su"] > 0 and line["unpriced_su"] == exists
    return bool(unpriced) and not any(line[f"{bucket}_nano"] for bucket in BUCKETS)


def _times(line: Line, bucket: str | None) -> list[Decimal | None]:
    """Allocated, active, idle-held, busy, unallocated; a bucket is all one kind of time."""
    if bucket is None:
        names = ("allocated_su", "active_su", "idle_held_su", "busy_su", "unallocated_su")
        return [gpu_hours(line[name]) for name in names]
    own, nothing = gpu_hours(line[f"{bucket}_su"]), gpu_hours(0)
    if bucket in NOBODYS:
        return [nothing, None, None, nothing, own]
    busy = {"used": own, "workload_idle": nothing}.get(bucket)
    return [own, None, None, busy, nothing]


def _ratio(line: Line) -> Decimal | None:
    exists = line["allocated_su"] + line["unallocated_su"]
    if not exists:
        return None
    # Rounded down, so that 1 means all of it.
    ratio = Decimal(line["observed_su"]) / Decimal(exists)
    return ratio.quantize(Decimal("0.0001"), ROUND_FLOOR)
