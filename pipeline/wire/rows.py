"""Row checks: which rows of a canonical table break a column's promise, and how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.wire.event_type import Column, EventType
from pipeline.wire.limits import (
    MAX_AGE_MICROSECONDS,
    MAX_BUCKET_SECONDS,
    MAX_DOCUMENT_BYTES,
    MAX_FUTURE_MICROSECONDS,
    MAX_SAMPLED_MINUTES,
    MAX_TEXT_BYTES,
)
from pipeline.wire.types.models import SERVING_TIMES
from pipeline.wire.verdict import Decoded, Rejected

Mask = npt.NDArray[np.bool_]
Broken = tuple[str, str, Mask]
"""(reason, detail, rows that break it)"""

_DOCUMENTS = {"evidence"}


def check(decoded: Decoded, timestamp: int, earlier: int | None = None) -> Decoded:
    """The rows that keep every promise; the others as refusals, each with its first reason.

    `timestamp` is the message's append time in microseconds: times are sane or not relative to it.  For rows
    of several messages it is the newest, and `earlier` the oldest.
    """
    type_, events = decoded.type, decoded.events
    assert type_ is not None
    reasons = {r.row: r for r in decoded.rejected if r.row is not None}
    good = np.ones(events.num_rows, dtype=np.bool_)
    good[list(reasons)] = False
    oldest = timestamp if earlier is None else earlier
    between = timestamp - MAX_AGE_MICROSECONDS, oldest + MAX_FUTURE_MICROSECONDS
    for reason, detail, broken in _broken(type_, events, between):
        for row in np.flatnonzero(broken & good).tolist():
            reasons[row] = Rejected(reason, detail, row)
        good &= ~broken
    if not reasons:
        return decoded
    return Decoded(type_, events.filter(pa.array(good)), tuple(reasons[row] for row in sorted(reasons)))


def _broken(type_: EventType, events: pa.Table, between: tuple[int, int]) -> Iterator[Broken]:
    for column, values in zip(type_.columns, events.columns, strict=True):
        if column.required and values.null_count:
            yield "missing_field", f"{column.name} is missing", _mask(pc.is_null(values))
        if values.null_count == len(values):
            continue
        if column.kind == "time":
            yield from _times(column, values, *between)
        elif column.kind in ("int", "float"):
            yield from _numbers(column, values)
        elif column.kind == "string":
            yield from _texts(column, values)
    if "interval_seconds" in type_.by_name:
        yield from _too_many_minutes(events.column("interval_seconds"))
    if "histogram" in type_.by_name:
        yield from _buckets(events)
    if "start" in type_.by_name and "end" in type_.by_name:
        backwards = pc.less(events.column("end"), events.column("start"))
        yield "ends_before_start", "end is before start", _mask(backwards)


def _too_many_minutes(seconds: pa.ChunkedArray) -> Iterator[Broken]:
    """Samples after the message's minutes are used up: a few long ones would fill memory with facts."""
    minutes = pc.add(pc.ceil(pc.divide(pc.fill_null(seconds, 0.0), 60.0)), 1.0)
    touched = np.cumsum(np.nan_to_num(np.asarray(minutes), posinf=0.0).clip(0.0))
    if len(touched) and touched[-1] > MAX_SAMPLED_MINUTES:
        yield (
            "too_large",
            f"the message's intervals touch over {MAX_SAMPLED_MINUTES} minutes",
            touched > MAX_SAMPLED_MINUTES,
        )


def _buckets(events: pa.Table) -> Iterator[Broken]:
    """What is spread over more than an hour could stand far from the requests that it counts."""
    is_bucket = pc.is_valid(events.column("histogram"))
    if not pc.any(is_bucket).as_py():
        return
    is_time = pc.is_in(events.column("counter").cast(pa.string()), value_set=pa.array(SERVING_TIMES))
    yield "unknown_value", "a bucket is of a time", _mask(pc.and_(is_bucket, pc.invert(is_time)))
    is_long = pc.greater(events.column("interval_seconds"), MAX_BUCKET_SECONDS)
    yield (
        "out_of_range",
        f"the interval of a bucket is over {MAX_BUCKET_SECONDS} s",
        _mask(pc.and_(is_bucket, is_long)),
    )
    is_odd = pc.greater(events.column("bucket_above_seconds"), events.column("bucket_at_most_seconds"))
    yield "ends_before_start", "a bucket ends below its beginning", _mask(is_odd)


def _mask(condition: pa.ChunkedArray | pa.Array) -> Mask:
    filled = pc.fill_null(condition, False)
    return np.asarray(
        filled.to_numpy(zero_copy_only=False) if isinstance(filled, pa.Array) else filled.to_numpy()
    )


def _times(column: Column, values: pa.ChunkedArray, earliest: int, latest: int) -> Iterator[Broken]:
    known = _known(values).view(np.int64)
    if known.min() < earliest or known.max() > latest:
        micros = values.cast(pa.int64())
        outside = pc.or_(pc.less(micros, earliest), pc.greater(micros, latest))
        yield (
            "time_out_of_range",
            f"{column.name} is not between 10 years before and 1 day after its message",
            _mask(outside),
        )


def _known(values: pa.ChunkedArray) -> npt.NDArray[Any]:
    """The values that are not null; where there is none, the view of Arrow's own memory."""
    return np.asarray((values.drop_null() if values.null_count else values).to_numpy())


def _numbers(column: Column, values: pa.ChunkedArray) -> Iterator[Broken]:
    known = _known(values)
    lowest, highest = known.min(), known.max()
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        yield "not_finite", f"{column.name} is not finite", _mask(pc.invert(pc.is_finite(values)))
        finite = known[np.isfinite(known)]
        lowest, highest = finite.min(initial=np.inf), finite.max(initial=-np.inf)
    if column.minimum is not None and lowest < column.minimum:
        yield (
            "out_of_range",
            f"{column.name} is below {column.minimum:g}",
            _mask(pc.less(values, column.minimum)),
        )
    if column.maximum is not None and highest > column.maximum:
        yield (
            "out_of_range",
            f"{column.name} is above {column.maximum:g}",
            _mask(pc.greater(values, column.maximum)),
        )


def _texts(column: Column, values: pa.ChunkedArray) -> Iterator[Broken]:
    longest = MAX_DOCUMENT_BYTES if column.name in _DOCUMENTS else MAX_TEXT_BYTES
    if not pa.types.is_dictionary(values.type):
        if not all(_plain(column, chunk, longest) for chunk in values.chunks):
            yield from _text_rows(column, values, longest)
        return
    # The promise is checked once per distinct text, then spread over the rows.
    for chunk_start, chunk in _chunks(values):
        if _plain(column, chunk.dictionary, longest):
            continue
        for reason, detail, broken in _text_rows(column, pa.chunked_array([chunk.dictionary]), longest):
            codes = pc.fill_null(chunk.indices, 0).to_numpy(zero_copy_only=False)
            rows = np.zeros(len(values), dtype=np.bool_)
            rows[chunk_start : chunk_start + len(chunk)] = broken[codes] & chunk.is_valid().to_numpy(False)
            yield reason, detail, rows


def _plain(column: Column, texts: pa.StringArray, longest: int) -> bool:
    """Whether a look at all bytes together shows that every text is good, as it does for most messages."""
    if column.choices or not len(texts):
        return not column.choices
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4)
    first, last = int(bounds[0]), int(bounds[-1])
    if last - first > longest and np.diff(bounds).max() > longest:
        return False
    return data is None or b"\0" not in data.slice(first, last - first).to_pybytes()


def _chunks(values: pa.ChunkedArray) -> Iterator[tuple[int, pa.DictionaryArray]]:
    start = 0
    for chunk in values.chunks:
        if len(chunk):
            yield start, chunk
        start += len(chunk)


def _text_rows(column: Column, values: pa.ChunkedArray, longest: int) -> Iterator[Broken]:
    lengths = pc.binary_length(values)
    if (pc.max(lengths).as_py() or 0) > longest:
        yield (
            "text_too_long",
            f"{column.name} is longer than {longest} bytes",
            _mask(pc.greater(lengths, longest)),
        )
    # DuckLake's catalog cannot hold statistics with a NUL character.
    with_nul = pc.match_substring(values, "\0")
    if pc.any(with_nul).as_py():
        yield "nul_character", f"{column.name} holds a NUL character", _mask(with_nul)
    if column.choices:
        known = pc.or_(pc.is_in(values, value_set=pa.array(column.choices)), pc.is_null(values))
        if not pc.all(known).as_py():
            wanted = ", ".join(column.choices)
            yield "unknown_value", f"{column.name} is none of {wanted}", _mask(pc.invert(known))
