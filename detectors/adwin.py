"""ADWIN, to compare with: where the mean of a stream of single values changed (Bifet, Gavalda 2007).

A window grows until two parts of it differ by more than chance allows at confidence delta; then it is begun
anew.  Counted as River 0.26.1 does with its defaults, so that alarms fall on the same rows.  It states a rate
of false cuts for each test and none over time, tells improvement from harm not at all, and needs every event
in its order: so it is no judge of minutes, and nothing rests on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log, sqrt

import numpy as np

from detectors.minutes import Floats

DELTA = 0.002
CLOCK = 32
"""Rows between two tests."""
MOST_BUCKETS = 5
"""Of one size: the next two are merged into one of twice as many rows."""
LEAST_PART = 5
GRACE = 10
"""Rows below which nothing is tested."""

Bucket = tuple[float, float]
"""Sum, and sum of squares around the mean, of 2^i rows."""


def alarms(values: Floats, delta: float = DELTA) -> Iterator[tuple[int, bool]]:
    """The rows of `values` (n,) at which a change is found, and whether the later mean is the higher."""
    window = _Window(delta)
    for place, value in enumerate(values.tolist()):
        window.add(value)
        if (place + 1 - window.begun) % CLOCK == 0 and window.width > GRACE:
            rise = window.cut()
            if rise is not None:
                yield place, rise
                window = _Window(delta, place + 1)


class _Window:
    def __init__(self, delta: float, begun: int = 0) -> None:
        self.begun, self.width = begun, 0
        self._delta, self._total, self._spread = delta, 0.0, 0.0
        self._rows: list[list[Bucket]] = [[]]
        """Buckets of 1, 2, 4 ... rows, the oldest of a size first."""

    def add(self, value: float) -> None:
        if self.width:
            self._spread += self.width * (value - self._total / self.width) ** 2 / (self.width + 1)
        self.width += 1
        self._total += value
        self._rows[0].append((value, 0.0))
        self._merge()

    def cut(self) -> bool | None:
        """Whether the mean rose, at the first cut from the oldest row on; None where no cut is due."""
        chance = log(2 * log(self.width) / self._delta)
        old, old_total = 0, 0.0
        for size in range(len(self._rows) - 1, -1, -1):
            for total, _ in self._rows[size][: -1 if size == 0 else None]:
                old, old_total = old + 2**size, old_total + total
                new = self.width - old
                gap = (self._total - old_total) / max(new, 1) - old_total / old
                if min(old, new) >= LEAST_PART and abs(gap) > self._bound(old, new, chance):
                    return bool(gap > 0)
        return None

    def _bound(self, old: int, new: int, chance: float) -> float:
        parts = 1 / (old - LEAST_PART + 1) + 1 / (new - LEAST_PART + 1)
        return sqrt(2 * parts * self._spread / self.width * chance) + 2 / 3 * chance * parts

    def _merge(self) -> None:
        size = 0
        while len(self._rows[size]) > MOST_BUCKETS:
            (first, spread), (second, other) = self._rows[size][:2]
            del self._rows[size][:2]
            if size + 1 == len(self._rows):
                self._rows.append([])
            between = (first - second) ** 2 / (2 * 2**size)
            self._rows[size + 1].append((first + second, spread + other + between))
            size += 1


def flagged(values: Floats) -> np.ndarray:
    """(n,): whether a rise was found at that row."""
    found = np.zeros(len(values), np.bool_)
    for place, rise in alarms(values):
        found[place] = rise
    return found
