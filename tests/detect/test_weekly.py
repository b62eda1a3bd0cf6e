"""Traffic whose mix changes with the hour of the week is no drift to a reference of two weeks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from detectors import drift
from detectors.parameters import Parameters
from detectors.reference_build import build
from detectors.references import FeatureBins, Reference
from detectors.subject import Subject
from detectors.weekly import at_hour, at_hours
from tests.detect.judged import features

MONDAY = datetime(2026, 10, 5)
P = Parameters()
NIGHT = 8
EVERY = 10
"""Minutes between two minutes with traffic, so that the test is short."""


def mix(hour: int) -> tuple[float, float]:
    return (0.2, 0.8) if hour % 24 < NIGHT else (0.8, 0.2)


def reference(weeks: float, rhythm: bool = True) -> Reference:
    rng = np.random.default_rng(0)
    minutes = np.arange(0, int(weeks * 7 * 1_440), EVERY)
    drawn = [rng.random(20) < mix(m // 60 if rhythm else NIGHT)[0] for m in minutes]
    times = [MONDAY + timedelta(minutes=int(m)) for m in np.repeat(minutes, 20)]
    channel = pa.array(np.where(np.concatenate(drawn), "web", "app"))
    return build(
        pa.table(
            {
                "time": pa.array(times, pa.timestamp("us")).cast(pa.timestamp("us", "UTC")),
                "features": pa.StructArray.from_arrays([channel], names=["channel"]),
            }
        ),
        model="m",
    )


@pytest.fixture(scope="module")
def known() -> Reference:
    return reference(2)


def level(against: Reference, swapped: bool = False) -> str:
    """At the end of a Wednesday; `swapped` has the night's mix by day."""
    rng = np.random.default_rng(1)
    start = MONDAY + timedelta(days=30)
    hours = [0 if swapped else (start + timedelta(minutes=m)).hour for m in range(0, 1_440, EVERY)]
    drawn = np.array([rng.multinomial(100, mix(h)[::-1]) for h in hours])  # app, web
    counts = np.hstack([drawn, np.zeros((len(drawn), 2), np.int64)])
    rows = features({"channel": counts})
    end = start + timedelta(days=1)
    minutes = np.array([np.datetime64(start, "us") + np.timedelta64(m, "m") for m in range(0, 1_440, EVERY)])
    order = np.unique(rows["minute"].to_numpy(), return_inverse=True)[1]
    rows = rows.set_column(rows.column_names.index("minute"), "minute", pa.array(minutes[order]))
    return drift.judge(rows, Subject("m", "1", against, start, end), P).level


def test_the_rhythm_of_the_week_does_not_alarm_and_its_loss_does(known: Reference) -> None:
    assert level(known) == "ok"
    assert level(known, swapped=True) == "warn"


def test_without_a_rhythm_the_same_traffic_alarms(known: Reference) -> None:
    """Else the first test would pass whatever the reference says."""
    (feature,) = known.features
    plain = FeatureBins("channel", None, feature.categories, feature.counts, 0, 0, 1.0)
    assert feature.hours
    assert feature.phi < 1.5
    assert level(Reference.from_json(known.to_json().replace(_json(feature), _json(plain)))) == "warn"


def _json(feature: FeatureBins) -> str:
    numbers = ",".join(map(str, feature.hours))
    return f'"hours":[{numbers}],"missing":0,"phi":{feature.phi!r}'


def test_less_than_two_weeks_or_no_rhythm_keep_no_hours() -> None:
    """One Monday does not say what Mondays are like, and noise is no rhythm."""
    assert not reference(1.5).features[0].hours
    assert not reference(2, rhythm=False).features[0].hours


def test_hours_count_by_their_traffic(known: Reference) -> None:
    """A window of nights and days is neither: each hour has the weight of its events."""
    (feature,) = known.features
    alone = np.zeros(168, np.int64)
    alone[3] = 7
    assert at_hours(feature, alone) == at_hour(feature, 3)
    both = alone.copy()
    both[12] = 21  # three times as many by day
    shares = [np.array(at_hour(feature, h).counts) / sum(at_hour(feature, h).counts) for h in (3, 12)]
    found = at_hours(feature, both)
    assert np.array(found.counts) / sum(found.counts) == pytest.approx(
        0.25 * shares[0] + 0.75 * shares[1], abs=0.01
    )
    assert at_hours(feature, np.zeros(168, np.int64)) is feature


def test_hours_that_the_reference_lacks_bring_no_values(known: Reference) -> None:
    """Else each of them added the whole reference, and chi2 grew with the number of such hours."""
    (feature,) = known.features
    size = len(feature.counts) + 2
    cut = replace(feature, hours=(*feature.hours[: -size * 24], *[0] * size * 24))  # no Sunday
    weekend = np.zeros(168, np.int64)
    weekend[120:] = 10
    saturday = sum(feature.hours[120 * size : 144 * size])
    assert sum(at_hours(cut, weekend).counts) == pytest.approx(saturday, abs=1)
    sunday = np.zeros(168, np.int64)
    sunday[144:] = 10
    assert at_hours(cut, sunday).counts == pytest.approx(cut.counts, abs=1)
