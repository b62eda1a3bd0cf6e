"""Which costs of a series are unlike those before them: by the median of the same weekday, robustly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST = 4
"""Earlier values of the same place in the week without which there is no baseline."""
BAR = 5.0
"""Robust standard deviations from the baseline; docs/metrics.md says how often an unchanged stream passes."""
LEAST_SHARE = 0.05
"""Of the baseline: less is no anomaly, however quiet the series."""


@dataclass(frozen=True, slots=True)
class Unlike:
    """The value at `index` against that at `like`, the middle one of its place in the week."""

    index: int
    like: int
    score: float
    """Robust standard deviations above (or, negative, below) the baseline."""


def unlike(values: Sequence[float], season: int, look_back: int) -> list[Unlike]:
    """Every value that is far from its baseline, in their order.

    The baseline of a value is the median of those a whole number of `season` steps before it, at most
    `look_back` steps away; the spread is the MAD of all values of that time about their own medians.  Without
    LEAST earlier values of its place it has none and is never unlike.
    """
    series = np.asarray(values, np.float64)
    found = []
    for index in range(LEAST * season, len(series)):
        start = max(0, index - look_back)
        places = np.arange(index - season, start - 1, -season)[::-1]
        if len(places) < LEAST:
            continue
        middle = int(places[np.argsort(series[places], kind="stable")[(len(places) - 1) // 2]])
        scale = max(_spread(series[start:index], season), LEAST_SHARE * abs(series[middle]) / BAR)
        gap = series[index] - series[middle]
        score = gap / scale if scale else np.copysign(np.inf, gap) if gap else 0.0
        if abs(score) > BAR:
            found.append(Unlike(index, middle, float(score)))
    return found


def _spread(series: Floats, season: int) -> float:
    """Standard deviation of a normal distribution with the MAD of the values about their places' medians.

    A median of few values lies near them: with n a place, the MAD is that of the noise times sqrt(1 - 1/n).
    """
    gaps = np.concatenate([series[i::season] - np.median(series[i::season]) for i in range(season)])
    count = len(series) / season
    return float(1.4826 * np.median(np.abs(gaps)) / np.sqrt(1 - 1 / count)) if count > 1 else 0.0
