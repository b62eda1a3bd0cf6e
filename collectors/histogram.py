"""Histograms of times as others tell them, in seconds, and what one grew by since it was told before.

Bucket i of an exponential histogram of scale s covers (2^(i / 2^s), 2^((i+1) / 2^s)], as OpenTelemetry
numbers it; Prometheus' native ones number by the upper bound, i + 1.  What is finer than SCALE is brought to
it, exactly.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf, isfinite, log2
from typing import Any, NamedTuple

import msgspec

SCALE = 5
"""The finest that is kept, as the ledger's own buckets are: a relative error of 1.1 %."""
LEAST_SCALE, MOST_SCALE = -10, 20
MOST_BUCKETS = 10_000


class Unread(ValueError):
    """It is no histogram of times; the argument says why, without a value."""


class Histogram(msgspec.Struct, frozen=True):
    """Counts without zeros: by bucket at a scale, or by bounds where `scale` is None."""

    scale: int | None
    cells: dict[int, int] = {}
    bounded: list[tuple[float, float | None, int]] = []
    """(above, at most, count) with other bounds, ascending; None is no upper bound."""
    zero: int = 0
    seconds: float | None = None
    """Sum of all times."""

    @property
    def count(self) -> int:
        return self.zero + sum(self.cells.values()) + sum(n for *_, n in self.bounded)


class Bucket(NamedTuple):
    """What it counts took more than `above` seconds and no more than `at_most`, where that is not None."""

    above: float
    at_most: float | None
    times: int


def exponential(
    scale: int, cells: Mapping[int, int], zero: int = 0, seconds: float | None = None
) -> Histogram:
    """Raises Unread."""
    if not LEAST_SCALE <= scale <= MOST_SCALE or len(cells) > MOST_BUCKETS:
        raise Unread("an exponential histogram of an unknown scale, or with too many buckets")
    if zero < 0 or min(cells.values(), default=0) < 0:
        raise Unread("a count below zero")
    return _at(min(scale, SCALE), Histogram(scale, {b: n for b, n in cells.items() if n}, [], zero, seconds))


def explicit(bounds: Sequence[float], counts: Sequence[int], seconds: float | None = None) -> Histogram:
    """One count more than upper bounds; what is no more than 0 counts as 0.  Raises Unread."""
    if len(counts) != len(bounds) + 1 or len(counts) > MOST_BUCKETS:
        raise Unread("a histogram has one count more than bounds")
    if list(bounds) != sorted(set(bounds)) or not all(map(isfinite, bounds)):
        raise Unread("bounds do not ascend")
    if min(counts) < 0:
        raise Unread("a count below zero")
    edges = zip([0.0, *bounds], [*bounds, None], counts, strict=True)
    parts = [(max(low, 0.0), high, n) for low, high, n in edges if n]
    zero = sum(n for _, high, n in parts if high is not None and high <= 0)
    return Histogram(None, {}, [part for part in parts if part[1] is None or part[1] > 0], zero, seconds)


def cumulative(rows: Iterable[tuple[float, int]], seconds: float | None = None) -> Histogram:
    """Prometheus' classic form: counts of what is at most each bound, +Inf among them.

    A scrape may have seen a later bucket before an earlier one; what would be below zero is none, as
    histogram_quantile has it.  Raises Unread.
    """
    bounds, counts, before = [], [], 0
    for bound, upto in sorted(rows):
        bounds.append(bound)
        counts.append(max(upto - before, 0))
        before = max(before, upto)
    if not bounds or bounds[-1] != inf:
        raise Unread("a histogram without a bucket +Inf")
    return explicit(bounds[:-1], counts, seconds)


def bounded(parts: Iterable[Bucket], seconds: float | None = None) -> Histogram:
    """Of buckets that name their bounds, as Prometheus' API tells native ones: exponential where all are.

    At scale 0 and below it stays with its bounds: those that double, as people choose them, would look like
    an exponential histogram until another one holds something.  A bucket from below zero is the one of zero.
    Raises Unread.
    """
    parts = [part for part in parts if part.times]
    ends = [inf if part.at_most is None else part.at_most for part in parts]
    if min(ends, default=0.0) < 0 or min((part.times for part in parts), default=0) < 0:
        raise Unread("a time or a count below zero")
    if len(parts) > MOST_BUCKETS:
        raise Unread("too many buckets")
    both = sorted(zip(ends, parts, strict=True), key=lambda one: one[0])
    zero = sum(part.times for end, part in both if part.above < 0 or end == 0)
    above = [part for end, part in both if part.above >= 0 and end > 0]
    scale = _scale(above[0]) if above else SCALE
    if scale is not None and scale > 0:
        cells = {_place(part, scale): part.times for part in above}
        if None not in cells:
            return exponential(scale, {b: n for b, n in cells.items() if b is not None}, zero, seconds)
    return Histogram(None, {}, [(a, b, n) for a, b, n in above], zero, seconds)


def _scale(bucket: Bucket) -> int | None:
    """At which a bucket is one of an exponential histogram; None where it is none."""
    if bucket.above <= 0 or bucket.at_most is None or bucket.at_most <= bucket.above:
        return None
    found = -log2(log2(bucket.at_most / bucket.above))
    if not LEAST_SCALE - 1 < found < MOST_SCALE + 1:
        return None
    near = round(found)
    return near if abs(found - near) < 1e-6 and LEAST_SCALE <= near <= MOST_SCALE else None


def _place(bucket: Bucket, scale: int) -> int | None:
    if _scale(bucket) != scale:
        return None
    found = log2(bucket.above) * 2.0**scale
    return round(found) if abs(found - round(found)) < 1e-6 * max(abs(found), 1.0) else None


def _at(scale: int, of: Histogram) -> Histogram:
    """At no finer than the scale."""
    if of.scale is None or of.scale <= scale:
        return of
    cells: dict[int, int] = {}
    for bucket, count in of.cells.items():
        coarse = bucket >> (of.scale - scale)
        cells[coarse] = cells.get(coarse, 0) + count
    return Histogram(scale, cells, [], of.zero, of.seconds)


def grown(before: Histogram, now: Histogram) -> Histogram | None:
    """What was counted between two tellings of what only grows; None where it began anew between them."""
    if (before.scale is None) != (now.scale is None):
        return _grown_across_forms(before, now)
    if before.scale is not None and now.scale is not None:
        if now.scale > before.scale:
            return None
        before = _at(now.scale, before)
    cells = _less(now.cells, before.cells)
    held = _less({(a, b): n for a, b, n in now.bounded}, {(a, b): n for a, b, n in before.bounded})
    zero = now.zero - before.zero
    if cells is None or held is None or zero < 0:
        return None
    held_now = [(a, b, n) for (a, b), n in held.items()]
    return Histogram(now.scale, cells, held_now, zero, _more_seconds(before, now))


def _more_seconds(before: Histogram, now: Histogram) -> float | None:
    if now.seconds is None or before.seconds is None:
        return None
    return max(now.seconds - before.seconds, 0.0)


def _less(now: Mapping[Any, int], before: Mapping[Any, int]) -> dict[Any, int] | None:
    left = {key: now.get(key, 0) - before.get(key, 0) for key in {**now, **before}}
    return None if min(left.values(), default=0) < 0 else {key: n for key, n in left.items() if n}


_Key = tuple[int | None, float, float | None]
"""A scale and a bucket's number there, or None and its bounds."""


def _grown_across_forms(before: Histogram, now: Histogram) -> Histogram | None:
    """Where one of the two has a scale: buckets of the same bounds are the same.

    `bounded` knows a form by the buckets that hold something: (1, 2 ** 0.5] alone is of scale 1, and beside
    (4, 6] it has bounds only.
    """
    left: Counter[_Key] = Counter()
    for key, _, count in _keyed(before):
        left[key] += count
    grew: dict[Any, int] = {}
    for key, own, count in _keyed(now):
        again = min(left[key], count)
        left[key] -= again
        if count > again:
            grew[own] = count - again
    zero = now.zero - before.zero
    if any(left.values()) or zero < 0:
        return None
    seconds = _more_seconds(before, now)
    if now.scale is not None:
        return Histogram(now.scale, grew, [], zero, seconds)
    return Histogram(None, {}, [(a, b, n) for (a, b), n in grew.items()], zero, seconds)


def _keyed(of: Histogram) -> Iterator[tuple[_Key, Any, int]]:
    """Key, what the bucket is called in its own form, count."""
    for cell, count in of.cells.items():
        yield (of.scale, cell, None), cell, count
    for above, at_most, count in of.bounded:
        yield _key(Bucket(above, at_most, count)), (above, at_most), count


def _key(bucket: Bucket) -> _Key:
    """At no finer than SCALE, where it is a bucket of an exponential histogram."""
    scale = _scale(bucket)
    place = None if scale is None else _place(bucket, scale)
    if scale is None or place is None:
        return None, bucket.above, bucket.at_most
    finer = max(scale - SCALE, 0)
    return scale - finer, place >> finer, None


def buckets(of: Histogram) -> Iterator[Bucket]:
    """All that hold something, ascending."""
    if of.zero:
        yield Bucket(0.0, 0.0, of.zero)
    for bucket in sorted(of.cells):
        steps = 2.0 ** (of.scale or 0)
        above, at_most = _power(bucket / steps), _power((bucket + 1) / steps)
        yield Bucket(sys.float_info.max if above is None else above, at_most, of.cells[bucket])
    yield from (Bucket(*part) for part in of.bounded)


def _power(exponent: float) -> float | None:
    """Of two; None above all numbers."""
    return 2.0**exponent if exponent < sys.float_info.max_exp else None
