"""Seeded streams of daily costs whose level never changes: what a forecast and an alarm are measured on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator

FIRST = date(2026, 6, 1)
"""A Monday."""
_WEEK = np.array([1.0, 1.05, 1.1, 1.05, 0.95, 0.5, 0.45])


def profile(days: int, level: float = 1_000.0) -> Floats:
    """Cheap weekends."""
    found: Floats = level * np.resize(_WEEK, days)
    return found


def plain(days: int, rng: Rng) -> Floats:
    """Independent noise of a tenth."""
    return profile(days) * (1 + 0.1 * rng.standard_normal(days))


def sticky(days: int, rng: Rng) -> Floats:
    """Noise that half remembers yesterday."""
    noise = np.zeros(days + 50)
    for i in range(1, len(noise)):
        noise[i] = 0.5 * noise[i - 1] + 0.1 * rng.standard_normal()
    return profile(days) * np.maximum(1 + noise[50:], 0)


def skewed(days: int, rng: Rng) -> Floats:
    """A lognormal factor: a few dear days, for example training runs."""
    found: Floats = profile(days) * rng.lognormal(0, 0.3, days)
    return found


STREAMS: dict[str, Callable[[int, Rng], Floats]] = {"plain": plain, "sticky": sticky, "skewed": skewed}
