"""Features of a JSON batch as a struct column: one child per feature, numbers or text.

A feature whose values are numbers in one row and text in another becomes text, with numbers in
their shortest form; readers parse text where they expect numbers, so how rows were batched does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

Value = float | bool | str | None


def number_text(value: float) -> str:
    """Shortest text of a number: 3.0 is '3'."""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def names(rows: Sequence[dict[str, Value] | None]) -> list[str]:
    """Distinct feature names in a stable order."""
    return sorted({name for row in rows if row for name in row})


def struct(rows: Sequence[dict[str, Value] | None]) -> pa.StructArray:
    """Struct array of the rows, length len(rows); a feature that a row lacks is null."""
    fields = names(rows)
    if not fields:
        return pa.array([{}] * len(rows), pa.struct([]))
    children = [_child([(row or {}).get(name) for row in rows]) for name in fields]
    return pa.StructArray.from_arrays(children, names=fields)


def _child(values: list[Value]) -> pa.Array:
    if any(isinstance(v, str) for v in values):
        return pa.array([v if v is None or isinstance(v, str) else number_text(float(v)) for v in values])
    return pa.array([None if v is None else float(v) for v in values], pa.float64())
