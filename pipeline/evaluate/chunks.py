"""Where one chunk ends and the next begins: so many rows, or a period of the calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from detectors.codes import Integers
from pipeline.errors import ConfigError
from pipeline.evaluate.sample import Sample

PERIODS = {"minute": "m", "hour": "h", "day": "D", "week": "W", "month": "M", "year": "Y"}
CHUNKS = 10
MOST_CHUNKS = 10_000
EPOCH = datetime(1970, 1, 1)
_MONDAY = 3
"""1970 began on a Thursday: weeks begin three days earlier."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows [first, stop) of the sample; start and end are the first and the last row's time."""

    number: int
    first: int
    stop: int
    start: datetime | None
    end: datetime | None


def chunks(sample: Sample, size: str) -> list[Chunk]:
    """`size` is a number of rows or a period; '' is ten chunks, and what does not divide is one more."""
    if size in PERIODS:
        if sample.times is None:
            raise ConfigError("--chunk", size, "name the timestamp column in the columns file, or give rows")
        bounds = _calendar(sample.times, size)
    else:
        each = max(sample.rows // CHUNKS, 1) if not size else _rows(size)
        bounds = np.arange(0, sample.rows, each)
    if len(bounds) > MOST_CHUNKS:
        raise ConfigError("--chunk", size, f"that makes {len(bounds):,} chunks; take larger ones")
    stops = [*bounds[1:].tolist(), sample.rows]
    return [
        Chunk(i, first, stop, _time(sample, first), _time(sample, stop - 1))
        for i, (first, stop) in enumerate(zip(bounds.tolist(), stops, strict=True))
    ]


def _rows(size: str) -> int:
    if not size.isdecimal() or not 1 <= int(size) <= 10**9:
        remedy = f"write a number of rows, or one of {', '.join(PERIODS)}"
        raise ConfigError("--chunk", size, remedy)
    return int(size)


def _calendar(times: Integers, period: str) -> Integers:
    stamps = times.view("datetime64[us]")
    if period == "week":
        stamps = stamps + np.timedelta64(_MONDAY, "D")
    codes = stamps.astype(f"datetime64[{PERIODS[period]}]").astype(np.int64)
    return np.flatnonzero(np.diff(codes, prepend=codes[0] - 1))


def _time(sample: Sample, row: int) -> datetime | None:
    return None if sample.times is None else EPOCH + timedelta(microseconds=int(sample.times[row]))
