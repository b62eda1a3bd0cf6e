"""Burn rates of an objective: how many times faster than allowed its error budget is being spent.

The windows and factors of Google's SRE workbook (chapter 5), for a budget of 30 days: an alarm needs a long
window, so that it matters, and a short one, so that it ends soon after the harm does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from detectors.subject import integers, minutes_of


class Pair(NamedTuple):
    long_minutes: int
    short_minutes: int
    factor: float
    """Burn rate from which both windows are over."""
    severity: str


PAIRS = (
    Pair(60, 5, 14.4, "page"),
    Pair(360, 30, 6.0, "page"),
    Pair(1_440, 120, 3.0, "ticket"),
    Pair(4_320, 360, 1.0, "ticket"),
)
LONGEST_MINUTES = PAIRS[-1].long_minutes


class Burn(NamedTuple):
    pair: Pair
    long: float | None
    """None where the window holds no request."""
    short: float | None

    @property
    def firing(self) -> bool:
        return all(rate is not None and rate >= self.pair.factor for rate in (self.long, self.short))


def burns(minutes: pa.Table, end: np.datetime64, budget: float) -> list[Burn]:
    """Of each pair, at `end`; `minutes` has minute, count and over, `budget` is the allowed share of over."""
    at, count, over = minutes_of(minutes), integers(minutes, "count"), integers(minutes, "over")

    def rate(length: int) -> float | None:
        inside = (at >= end - np.timedelta64(length, "m")) & (at < end)
        total = int(count[inside].sum())
        return float(over[inside].sum() / total / budget) if total and budget > 0 else None

    return [Burn(pair, rate(pair.long_minutes), rate(pair.short_minutes)) for pair in PAIRS]
