"""Text columns of a CSV file as numbers and times; what is neither becomes null, and then a refused row."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from collectors.csv_text import Lines
from pipeline.events import Rejected

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_WHOLE = r"^\d{1,15}(\.0*)?$"
_TIME = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?$"
_ZONE = r"(Z|[+-]\d\d:?\d\d)$"
_ABSENT = ("", "null", "none", "nan")

UTC = pa.timestamp("us", tz="UTC")
_NANOSECONDS = pa.timestamp("ns", tz="UTC")
_LONGEST_EPOCH_SECONDS = 2.0**33


def numbers(texts: pa.ChunkedArray) -> pa.Array:
    """float64; null where the text is no finite decimal number."""
    cast = _where(texts, _NUMBER).cast(pa.float64())
    return pc.if_else(pc.is_finite(cast), cast, None)


def whole_numbers(texts: pa.ChunkedArray) -> pa.Array:
    """int64; null where the text is no count; 7.0, as pandas writes a column with gaps, is 7."""
    return pc.replace_substring_regex(_where(texts, _WHOLE), r"\.0*$", "").cast(pa.int64())


def utc_times(texts: pa.ChunkedArray) -> pa.Array:
    """Date and time in UTC, with up to nine decimals; a time without a zone is taken as UTC."""
    told = _where(texts, _TIME)
    zoned = pc.if_else(
        pc.match_substring_regex(told, _ZONE), told, pc.binary_join_element_wise(told, "Z", "")
    )
    try:
        exact = zoned.cast(_NANOSECONDS)
    except pa.ArrowInvalid:  # the 31st of February
        exact = pa.concat_arrays([_one_time(text) for text in zoned])
    return exact.cast(UTC, safe=False)


def _one_time(text: pa.Scalar) -> pa.Array:
    try:
        return pa.array([text.as_py()], pa.string()).cast(_NANOSECONDS)
    except pa.ArrowInvalid:
        return pa.nulls(1, _NANOSECONDS)


def epoch_times(texts: pa.ChunkedArray) -> pa.Array:
    """Seconds since 1970 UTC as a time."""
    seconds = numbers(texts)
    fits = pc.less(pc.abs(seconds), _LONGEST_EPOCH_SECONDS)
    micros = pc.round(pc.multiply(pc.if_else(fits, seconds, None), 1e6))
    return micros.cast(pa.int64()).cast(UTC)


def present(texts: pa.ChunkedArray) -> pa.Array:
    """The text; null where it is empty or says that there is none."""
    return _whole(pc.if_else(_says_nothing(texts), None, texts))


def _says_nothing(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(texts)), pa.array(_ABSENT))


def refuse(
    lines: Lines, found: Mapping[str, pa.Array], bounds: Mapping[str, tuple[float, float]]
) -> tuple[pa.Array, tuple[Rejected, ...]]:
    """Which lines have every value of `found` within `bounds` (inclusive), and why the others are refused."""
    good = pa.repeat(pa.scalar(True), len(lines.row))
    rejected = list(lines.rejected)
    for name, values in found.items():
        absent = _whole(_says_nothing(lines.columns[name]))
        reasons = [("missing_field", absent), ("wrong_type", pc.invert(values.is_valid()))]
        if name in bounds:
            low, high = bounds[name]
            inside = pc.and_(pc.greater_equal(values, low), pc.less_equal(values, high))
            reasons.append(("out_of_range", pc.fill_null(pc.invert(inside), False)))
        for reason, bad in reasons:
            bad = pc.and_(bad, good)
            rejected += _rejected(lines, name, reason, bad)
            good = pc.and_not(good, bad)
    return good, tuple(sorted(rejected, key=lambda r: r.row or 0))


def _rejected(lines: Lines, name: str, reason: str, bad: pa.Array) -> list[Rejected]:
    rows = lines.row.filter(bad).to_pylist()
    texts = lines.columns[name].filter(bad).to_pylist() if rows else []
    return [Rejected(reason, f"{name} is {text[:40]!r}", row) for row, text in zip(rows, texts, strict=True)]


def _where(texts: pa.ChunkedArray, pattern: str) -> pa.Array:
    return _whole(pc.if_else(pc.match_substring_regex(texts, pattern), texts, None))


def _whole(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
