"""Times as Hubble's JSON writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pyarrow as pa

_TIME = re.compile(rb'"time" ?: ?"([0-9TZ:.+-]{20,40})"')
_UTC_US = pa.timestamp("us", tz="UTC")


def microseconds(texts: pa.StringArray) -> pa.Array:
    """RFC 3339 times in UTC with up to nine decimals; what is no time is null."""
    try:
        exact = texts.cast(pa.timestamp("ns", tz="UTC"))
    except pa.ArrowInvalid:
        exact = pa.concat_arrays([_one_time(text) for text in texts.to_pylist()])
    return exact.cast(_UTC_US, safe=False)


def line_times(lines: Iterable[bytes]) -> list[int]:
    """Microseconds since 1970 UTC of lines, or of how they begin; those without a time are left out."""
    found = [_TIME.search(line) for line in lines]
    told = pa.array([m[1].decode() for m in found if m], pa.string())
    times = microseconds(told).cast(pa.int64())
    return [time for time in times.to_pylist() if time is not None]


def _one_time(text: str | None) -> pa.Array:
    try:
        return pa.array([text], pa.string()).cast(pa.timestamp("ns", tz="UTC"))
    except pa.ArrowInvalid:
        return pa.nulls(1, pa.timestamp("ns", tz="UTC"))
