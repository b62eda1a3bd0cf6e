"""What a model server logs as JSON's values: numpy's scalars as numbers, NaN as missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def plain(value: object) -> Any:
    """A JSON value: numpy's scalars as Python's, a NaN or an infinity as missing."""
    item = getattr(value, "item", None)
    found = item() if callable(item) else value
    if isinstance(found, float):
        return found if found - found == 0 else None
    if found is None or isinstance(found, bool | int | str):
        return found
    raise TypeError(f"{type(found).__name__} is no number or text")


def class_name(value: Any) -> Any:
    """A class as text, `true` and `1` as every source writes them; a float and None stay."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


def id_text(value: object) -> str:
    """An id as text, also a whole number; empty where there is none."""
    found = plain(value)
    return "" if found is None else str(found)


def now() -> str:
    """RFC 3339, UTC."""
    return datetime.now(UTC).isoformat()
