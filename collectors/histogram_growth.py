"""Histograms that only grow, told again and again: what each grew by since it was told before, once."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from collectors.histogram import Histogram, grown

LONGEST_INTERVAL = 3_600 * 1_000_000
"""Microseconds of the longest interval whose buckets are used, as the event type `serving` asks."""


class Told(msgspec.Struct, frozen=True):
    """Microseconds since 1970 UTC; `start` is since when it counts, 0 where that is not said."""

    time: int
    histogram: Histogram
    start: int = 0


class Growth(NamedTuple):
    """In (start, end]."""

    start: int
    end: int
    histogram: Histogram
    began_anew: bool


def growth(before: Told | None, now: Told) -> Growth | str:
    """Or why there is none, by name.  What begins anew has counted all that it holds since then."""
    if before is None:
        return "begins_an_interval"
    if now.time <= before.time:
        return "late"
    restarted = now.start != before.start
    more = None if restarted else grown(before.histogram, now.histogram)
    found = Growth(before.time, now.time, more or now.histogram, more is None)
    if more is None:
        found = found._replace(start=min(max(before.time, now.start), now.time - 1))
    return found if found.histogram.count else "no_increase"
