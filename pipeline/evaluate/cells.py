"""A column of a file as numbers, texts or times, whatever type the file gave it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors.binning import Values
from detectors.codes import Integers, Mask, Text, text
from detectors.minutes import Floats, floats
from pipeline.errors import ConfigError
from pipeline.wire.features import number_text

NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)


def is_numeric(column: pa.ChunkedArray) -> bool:
    """Whether the file says numbers; booleans are two categories."""
    return any(known(column.type) for known in NUMBERS)


TIMES = "write ISO 8601 times, as 2026-10-01T12:00:00Z, or seconds since 1970"
EPOCHS_FROM = 10**8
"""Seconds: smaller numbers are years or counts."""
EPOCHS = ((10**11, 1_000_000, 1), (10**14, 1_000, 1), (10**17, 1, 1), (10**20, 1, 1_000))
_LETTERS, _DIGITS = ("false", "true"), ("0", "1")
NOTHING = ("", "nan", "na", "n/a", "null", "none")
"""Texts that say there is no number, in any case of their letters."""
LARGEST = 1e150
"""What is larger has no square: the largest float, which stands for none in some files."""
NO_ANSWER = ("nan", "NaN", "<NA>", "NaT")
"""What a data frame makes of a missing answer when it is written as text."""
_YEAR_FIRST = re.compile(r"\d{4}/\d{1,2}/\d{1,2}\b")


class Numbers(NamedTuple):
    """n numbers, NaN where there is none."""

    values: Floats
    unreadable: Mask
    """Rows in which something stands that is no finite number."""


def numbers(column: pa.ChunkedArray) -> Numbers:
    """Texts are read as numbers; infinity, and what is as good as infinite, is unreadable."""
    if is_numeric(column):
        found = floats(column).copy()
        bad = np.abs(found) > LARGEST
    else:
        held = texts(column)
        parsed = np.array([_parsed(value) for value in held.values.to_pylist()], np.float64)
        found = parsed[held.codes] if held.size else np.full(len(column), np.nan)
        said = np.array([value.lower() not in NOTHING for value in held.values.to_pylist()], np.bool_)
        bad = (said[held.codes] if held.size else np.zeros(len(column), np.bool_)) & ~(
            np.abs(found) <= LARGEST
        )
    found[bad] = np.nan
    return Numbers(found, bad)


def texts(column: pa.ChunkedArray) -> Text:
    """Numbers in their shortest form, 3.0 as 3, whole decimals in all digits; null and NaN are ''.

    Bytes, as ids of 128 bits and some writers' texts are, are the text that they say, else their hexadecimal.
    """
    kind = column.type
    if pa.types.is_floating(kind) or (pa.types.is_decimal(kind) and kind.scale > 0):
        values = floats(column)
        distinct, codes = np.unique(values, return_inverse=True)
        shown = ["" if number != number else number_text(float(number)) for number in distinct]
        return text(pa.chunked_array([pa.array(shown, pa.string()).take(pa.array(codes))]))
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    if is_bytes(kind):
        return _bytes(column)
    if pa.types.is_nested(kind):
        raise ConfigError("features", str(kind), "only numbers, texts, booleans and times can be compared")
    return _booleans(text(column.cast(pa.string())))


def is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    )


def _bytes(column: pa.ChunkedArray) -> Text:
    values = column.to_pylist()
    try:
        shown = [None if value is None else value.decode() for value in values]
    except UnicodeDecodeError:
        shown = [None if value is None else value.hex() for value in values]
    return text(pa.chunked_array([pa.array(shown, pa.string())]))


def answers(column: pa.ChunkedArray) -> Text:
    """Classes; a missing one is ''."""
    held = texts(column)
    names = held.values.to_pylist()
    if not any(name in NO_ANSWER for name in names):
        return held
    again = text(pa.chunked_array([pa.array(["" if n in NO_ANSWER else n for n in names], pa.string())]))
    return Text(again.codes[held.codes], again.values)


def class_name(value: str) -> str:
    """True and TRUE are true: one file says so in letters, another by the type of its column."""
    return value.lower() if value.lower() in ("true", "false") else value


def is_number(value: str) -> bool:
    return isfinite(_parsed(value))


def named(value: str, found: Collection[str]) -> str:
    """The class that a person writes so: True is true, and 1.0 is 1 where the file has that."""
    number = _parsed(value)
    shortest = number_text(number) if isfinite(number) else value
    return next((name for name in (value, class_name(value), shortest) if name in found), class_name(value))


def spelled_as(held: Text, names: Iterable[str]) -> Text:
    """The same classes where one side says true and false and the other 1 and 0, or 1.0 and the other 1."""
    mine, theirs = ({name for name in of if name} for of in (held.values.to_pylist(), names))
    for one, other in ((_LETTERS, _DIGITS), (_DIGITS, _LETTERS)):
        if mine and theirs and mine <= set(one) and theirs <= set(other):
            said = dict(zip(one, other, strict=True))
            return Text(held.codes, pa.array([said.get(n, n) for n in held.values.to_pylist()], pa.string()))
    shortest = {name: number_text(_parsed(name)) if isfinite(_parsed(name)) else name for name in mine}
    if mine & theirs or not set(shortest.values()) & theirs or len(set(shortest.values())) < len(shortest):
        return held
    return Text(held.codes, pa.array([shortest.get(n, n) for n in held.values.to_pylist()], pa.string()))


def _booleans(held: Text) -> Text:
    names = held.values.to_pylist()
    shown = [class_name(name) for name in names]
    if shown == names:
        return held
    again = text(pa.chunked_array([pa.array(shown, pa.string())]))
    return Text(again.codes[held.codes], again.values)


def values(column: pa.ChunkedArray, numeric: bool) -> tuple[Values, Mask]:
    """The column as its reference's kind, and the rows that could not be read so."""
    if numeric:
        return numbers(column)
    return texts(column), np.zeros(len(column), np.bool_)


def times(column: pa.ChunkedArray, name: str) -> tuple[Integers, Mask]:
    """Microseconds since 1970 UTC, and which rows have a time; a time without a zone is UTC."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind, like = column.type, ""
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("us"))
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        said = column.to_pylist()
        first = next((v for v in said if v), "")
        if first.replace(".", "", 1).isdigit() and len(first) >= len(str(EPOCHS_FROM)):
            return times(pa.chunked_array([pa.array(numbers(column).values)]), name)
        like = f" (the first is {first[:40]!r})" if first else ""
        column = pa.chunked_array([pa.array([_time(v) for v in said], pa.timestamp("us"))])
    elif is_numeric(column):
        column = pa.chunked_array([pa.array(_epoch(column, name), pa.timestamp("us"))])
    elif not pa.types.is_timestamp(kind):
        raise ConfigError("timestamp", name, f"it is a column of {kind}; {TIMES}")
    stamps = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
    known = np.asarray(pc.is_valid(stamps).combine_chunks().to_numpy(zero_copy_only=False), np.bool_)
    if not known.any():
        raise ConfigError("timestamp", name, f"no row has a time that can be read{like}; {TIMES}")
    return np.asarray(stamps.fill_null(0).combine_chunks().to_numpy(), np.int64), known


def _epoch(column: pa.ChunkedArray, name: str) -> list[int | None]:
    """Seconds, milliseconds, micro- or nanoseconds since 1970, told by their size; in microseconds.

    Digits as 20261001120000 are the time that they say: as milliseconds they would be of the year 2612.
    """
    values = [value if value == value else None for value in column.to_pylist()]
    said = _digits(values)
    if said is not None:
        return said
    largest = max((abs(value) for value in values if value is not None), default=0)
    for most, over, under in EPOCHS:
        if EPOCHS_FROM <= largest < most:
            return [None if value is None else int(value * over // under) for value in values]
    raise ConfigError("timestamp", name, f"its numbers are no times since 1970; {TIMES}")


def _digits(values: list[Any]) -> list[int | None] | None:
    """Of years, months, days, hours, minutes and maybe seconds in a row; None where any is none."""
    form = {12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(max((len(f"{v:.0f}") for v in values if v), default=0))
    if form is None:
        return None
    try:
        found = [None if v is None else datetime.strptime(f"{v:.0f}", form) for v in values]
    except ValueError:
        return None
    return [None if at is None else int(at.replace(tzinfo=UTC).timestamp()) * 1_000_000 for at in found]


def _time(value: str | None) -> datetime | None:
    """ISO 8601; also with slashes where the year is first, and with UTC at the end."""
    said = (value or "").strip().removesuffix(" UTC")
    try:
        found = datetime.fromisoformat(said.replace("/", "-") if _YEAR_FIRST.match(said) else said)
    except ValueError:
        return None
    return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)


def _parsed(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return float("nan")
