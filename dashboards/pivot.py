"""A cost answer cut to some lines, summed to fewer dimensions, and set beside that of another window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal

from pipeline.answers.answer import Answer, Column, Value

Row = tuple[Value, ...]
_SUMMED = ("money", "decimal")
_HOURS = ("allocated_gpu_hours", "unallocated_gpu_hours")


def cut(answer: Answer, by: Sequence[str], only: Mapping[str, Sequence[str]] | None = None) -> Answer:
    """The rows whose dimensions have one of the values of `only`, summed over all dimensions but `by`.

    Sums are exact; a completeness is that of the parts, weighted by their hours, rounded down.
    """
    names = [c.name for c in answer.columns]
    wanted = {names.index(d): set(values) for d, values in (only or {}).items()}
    kept = [r for r in answer.rows if all(str(r[i]) in values for i, values in wanted.items())]
    keys = [names.index(d) for d in by]
    values = [i for i, c in enumerate(answer.columns) if c.kind not in ("text", "time") or c.name in _SAME]
    columns = tuple(answer.columns[i] for i in (*keys, *values))
    groups: dict[Row, list[Row]] = {}
    for row in kept:
        groups.setdefault(tuple(row[i] for i in keys), []).append(row)
    rows = [(*key, *(_value(answer.columns, i, of) for i in values)) for key, of in groups.items()]
    cost_at = [c.name for c in columns].index("total_cost")
    rows.sort(key=lambda row: (-_number(row[cost_at]), [str(v) for v in row[: len(by)]]))
    total = (*("" for _ in keys), *(_value(answer.columns, i, kept) for i in values)) if kept else None
    whole = None if total is None else total[[c.name for c in columns].index("completeness")]
    return replace(
        answer,
        columns=columns,
        rows=tuple(rows),
        total=total,
        completeness=whole if isinstance(whole, Decimal) else None,
    )


_SAME = ("currency", "rule")
"""Text that is the same on every line."""


def compared(answer: Answer, before: Answer, by: Sequence[str]) -> Answer:
    """With what each line cost before, how much more it costs now, and that as a share.

    A line that is only in `before` is shown too; both answers have the columns of `cut`.
    """
    names = [c.name for c in answer.columns]
    at, width = names.index("total_cost"), len(by)
    old = {row[:width]: row[at] for row in before.rows}
    gone: Row = tuple(Decimal(0) if name == "total_cost" else None for name in names[width:])
    rows = [*answer.rows, *((*key, *gone) for key in old if key not in {r[:width] for r in answer.rows})]
    currency = answer.columns[at].unit
    extra = (
        Column("previous_cost", currency, "money"),
        Column("change", currency, "money"),
        Column("change_ratio", "", "ratio"),
    )

    def wider(row: Row, was: Value) -> Row:
        return (*row[: at + 1], *_change(row[at], was), *row[at + 1 :])

    total = None
    if answer.total is not None:
        total = wider(answer.total, before.total[at] if before.total else Decimal(0))
    return replace(
        answer,
        columns=(*answer.columns[: at + 1], *extra, *answer.columns[at + 1 :]),
        rows=tuple(wider(row, old.get(row[:width], Decimal(0))) for row in rows),
        total=total,
    )


def only_columns(answer: Answer, names: Iterable[str]) -> Answer:
    """These columns, in this order; a name that the answer lacks is left out."""
    have = [c.name for c in answer.columns]
    places = [have.index(n) for n in names if n in have]

    def part(row: Row) -> Row:
        return tuple(row[i] for i in places)

    total = None if answer.total is None else part(answer.total)
    return replace(
        answer,
        columns=tuple(answer.columns[i] for i in places),
        rows=tuple(map(part, answer.rows)),
        total=total,
    )


def share(part: Value, whole: Value) -> Decimal | None:
    """None where one of them is unknown, or the whole is zero."""
    if not isinstance(part, Decimal) or not isinstance(whole, Decimal) or not whole:
        return None
    return part / whole


def _change(now: Value, was: Value) -> tuple[Value, Value, Value]:
    if not isinstance(now, Decimal) or not isinstance(was, Decimal):
        return was, None, None
    return was, now - was, share(now - was, was)


def _value(columns: Sequence[Column], place: int, rows: Sequence[Row]) -> Value:
    column = columns[place]
    if column.kind in _SUMMED:
        known = [v for v in (row[place] for row in rows) if isinstance(v, Decimal)]
        return sum(known, Decimal(0)) if known else None
    if column.name != "completeness":
        return rows[0][place] if rows else None
    names = [c.name for c in columns]
    hours = [sum((_number(row[names.index(h)]) for h in _HOURS), Decimal(0)) for row in rows]
    seen = [_number(row[place]) * h for row, h in zip(rows, hours, strict=True)]
    whole = sum(hours, Decimal(0))
    return (sum(seen, Decimal(0)) / whole).quantize(Decimal("0.0001"), ROUND_FLOOR) if whole else None


def _number(value: Value) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(0)
