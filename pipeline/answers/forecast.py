"""What daily costs sum to by the end of a period, with an interval, and when an amount is used up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

COVERAGE = 0.9
"""Of how many periods the end lies in the interval; docs/metrics.md says what was measured."""
LEAST_DAYS = 14
"""Whole days without which nothing is forecast."""
PROFILE_DAYS = 28
"""Whole days from which on each weekday has a mean of its own."""
_DRAWS = 1_000
_BLOCK, _SHORT_BLOCK = 7, 5
"""Days that are drawn together, so that a dear day brings its neighbours; the second without a profile."""
_CLIP = 4.0
"""Robust standard deviations beyond which a day does not pull the mean."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Simulated costs from now on: `sums` has shape (draws, days), cumulated; `centre` shape (days,)."""

    first: date
    sums: Floats
    centre: Floats
    method: Literal["weekday", "mean"]

    def end(self) -> tuple[float, float, float]:
        """What is spent from now to the end: value, low, high."""
        low, high = np.quantile(self.sums[:, -1], _TAILS)
        return float(self.centre[-1]), float(low), float(high)

    def exhausted(self, left: float) -> tuple[date | None, date | None, date | None]:
        """Day on which `left` is used up: expected, earliest, latest; None is not within the period."""
        days = _crossing(self.sums, left)
        earliest, latest = (int(np.quantile(days, q, method="higher")) for q in _TAILS)
        found = (int(_crossing(self.centre[None, :], left)[0]), earliest, latest)
        return self._day(found[0]), self._day(found[1]), self._day(found[2])

    def _day(self, index: int) -> date | None:
        return None if index >= self.sums.shape[1] else self.first + timedelta(days=index)


_TAILS = (0.03, 0.97)
"""Ends of the interval; draws from a short history are too alike, and the plain 5 % and 95 % held too few."""


def forecast(
    history: Sequence[float], first: date, days: int, seed: int, part_of_first: float = 1.0
) -> Paths | None:
    """Paths over `days` days from `first` on, given the costs of the whole days right before it.

    Of the first day only `part_of_first` is still to come.  None where the history is shorter than
    LEAST_DAYS, or no day is left.  The interval holds the noise of days and the doubt about their mean; it
    does not foresee a change of level.
    """
    if len(history) < LEAST_DAYS or days < 1:
        return None
    values = np.asarray(history, np.float64)
    by_weekday = len(values) >= PROFILE_DAYS
    slots = np.array([(first - timedelta(days=len(values) - i)).weekday() for i in range(len(values))])
    ahead = np.array([(first + timedelta(days=i)).weekday() for i in range(days)])
    if not by_weekday:
        slots, ahead = np.zeros_like(slots), np.zeros_like(ahead)
    means = np.array([_robust_mean(values[slots == s]) if np.any(slots == s) else 0.0 for s in range(7)])
    weight = np.ones(days)
    weight[0] = part_of_first
    fitted = means[slots]
    shares = np.divide(values - fitted, fitted, out=np.zeros_like(values), where=fitted > 0)
    level = np.maximum(means[ahead], 0.0) * weight
    paths = level * np.maximum(1 + _noise(shares, slots, ahead, seed), 0.0)
    return Paths(first, np.cumsum(paths, 1), np.cumsum(level), "weekday" if by_weekday else "mean")


def _noise(shares: Floats, slots: Integers, ahead: Integers, seed: int) -> Floats:
    """(draws, days): how far days lie from their slot's mean, as shares of it, and it from the true mean.

    Both come from blocks of the history's days; the second is the mean of a history drawn so.
    """
    rng = np.random.default_rng(seed)
    count = len(shares)
    known, sizes = np.unique(slots, return_counts=True)
    spread = shares * np.sqrt(count / max(1, count - len(known)))
    share_of_mean = np.zeros((count, 7))
    share_of_mean[np.arange(count), slots] = 1.0
    share_of_mean[:, known] /= sizes
    block = _BLOCK if len(known) > 1 else _SHORT_BLOCK
    doubt = _blocks(spread, count, block, rng) @ share_of_mean
    found: Floats = _blocks(spread, len(ahead), block, rng) + doubt[:, ahead]
    return found


def _blocks(values: Floats, length: int, block: int, rng: np.random.Generator) -> Floats:
    """Circular block bootstrap (Politis, Romano 1992), shape (draws, length)."""
    starts = rng.integers(0, len(values), (_DRAWS, -(-length // block)))
    places = (starts[:, :, None] + np.arange(block)) % len(values)
    drawn: Floats = values[places.reshape(_DRAWS, -1)[:, :length]]
    return drawn


def _robust_mean(values: Floats) -> float:
    """Mean of the values, those far from the median pulled in."""
    middle = np.median(values)
    reach = _CLIP * 1.4826 * np.median(np.abs(values - middle))
    return float(np.mean(np.clip(values, middle - reach, middle + reach) if reach else values))


def _crossing(sums: Floats, left: float) -> Integers:
    """Index of the first day on which the sum is above `left`; the number of days where it never is."""
    over = sums > left
    found: Integers = np.where(over.any(axis=1), over.argmax(axis=1), sums.shape[1])
    return found
