"""The rhythm of the week: what a feature looks like in each hour of it, where the hours differ."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from detectors.codes import Integers
from detectors.dispersion import phi
from detectors.references import FeatureBins

HOUR = 60
"""Minutes."""
HOURS = 168
FIRST_HOUR = 72
"""1970 began on a Thursday: 72 hours after a Monday."""
SPAN_HOURS = 2 * HOURS
"""A rhythm of the week rests on two of them."""
CONFIDENCE = 0.999


def hour_of_week(times: npt.NDArray[np.datetime64] | Integers) -> Integers:
    """0 to 167, Monday 00:00 UTC first, of minutes (since 1970, where they are numbers); shape (n,)."""
    minutes = times.astype("datetime64[m]").astype(np.int64)
    return np.asarray((minutes // HOUR + FIRST_HOUR) % HOURS)


@lru_cache(maxsize=16_384)
def at_hour(feature: FeatureBins, hour: int) -> FeatureBins:
    """The feature as it was in that hour of the week; where it had none, as it was in all."""
    size = len(feature.counts) + 2
    *counts, missing, unseen = feature.hours[hour * size : (hour + 1) * size]
    if not any(counts) and not missing and not unseen:
        return replace(feature, hours=())
    return replace(feature, counts=tuple(counts), missing=missing, unseen=unseen, hours=())


def at_hours(feature: FeatureBins, traffic: Integers) -> FeatureBins:
    """The feature as it was in the hours of `traffic`, events by hour of the week (168,), each by its share.

    An hour that the reference lacks has the shares of all.  As many values as those hours had, or where none
    had any as all; of one hour it is `at_hour`.
    """
    used = np.flatnonzero(traffic)
    if not len(used):
        return feature
    size = len(feature.counts) + 2
    hours = np.array(feature.hours, np.float64).reshape(HOURS, size)
    every = np.array([*feature.counts, feature.missing, feature.unseen], np.float64)
    then = np.where(hours.sum(axis=1, keepdims=True) > 0, hours, every)[used]
    weighted = (traffic[used] / traffic[used].sum()) @ (then / then.sum(axis=1, keepdims=True))
    total = hours[used].sum() or every.sum()
    *counts, missing, unseen = np.rint(weighted * total).astype(np.int64).tolist()
    return replace(feature, counts=tuple(counts), missing=missing, unseen=unseen, hours=())


def with_rhythm(feature: FeatureBins, by_minute: Integers, minutes: Integers) -> FeatureBins:
    """The feature with its hours, where two weeks or more show that they differ by more than chance.

    `by_minute` (T, B + 2) are its counts in `minutes` (T,).  What the hours explain is no overdispersion.
    """
    if not len(minutes) or int(minutes.max() - minutes.min()) < SPAN_HOURS * HOUR - HOUR:
        return feature
    places = hour_of_week(minutes)
    hours = np.zeros((HOURS, by_minute.shape[1]), np.int64)
    np.add.at(hours, places, by_minute)
    within = _within(by_minute, places)
    statistic, freedom = _chi_squared(hours)
    if freedom < 1 or statistic / within <= 2 * gammaincinv(freedom / 2, CONFIDENCE):
        return feature
    return replace(feature, phi=within, hours=tuple(hours.ravel().tolist()))


def _within(by_minute: Integers, places: Integers) -> float:
    """Overdispersion of minutes against the shares of their own hour, weighted by the minutes."""
    found = [(phi(by_minute[places == hour]), int((places == hour).sum())) for hour in np.unique(places)]
    return sum(value * count for value, count in found) / sum(count for _, count in found)


def _chi_squared(hours: Integers) -> tuple[float, int]:
    """Pearson's statistic of the hours' shares against the common ones, and its degrees of freedom."""
    used = hours[hours.sum(axis=1) > 0][:, hours.sum(axis=0) > 0].astype(np.float64)
    expected = used.sum(axis=1, keepdims=True) * used.sum(axis=0) / used.sum()
    return float(((used - expected) ** 2 / expected).sum()), (used.shape[0] - 1) * (used.shape[1] - 1)
