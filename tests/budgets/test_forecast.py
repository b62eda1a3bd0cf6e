"""The forecast of a period's end holds as often as it says, and says nothing where too little is known."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from pipeline.answers.forecast import LEAST_DAYS, forecast
from tests.budgets.cost_streams import FIRST, STREAMS, profile
from tests.budgets.measure_streams import coverage

PERIODS = 120


@pytest.mark.parametrize(("stream", "least"), [("plain", 0.85), ("sticky", 0.78), ("skewed", 0.85)])
@pytest.mark.parametrize(("history", "ahead"), [(28, 15), (56, 15)])
def test_the_interval_holds_about_as_often_as_it_says(
    stream: str, least: float, history: int, ahead: int
) -> None:
    """A budget owner who trusts a 90 % interval must not be surprised every third month.

    docs/metrics.md says what 400 periods gave, least where days remember each other: 85 %; 120 leave a
    standard error of 3 %.
    """
    held, width = coverage(stream, history, ahead, PERIODS)
    assert held >= least
    assert width < 0.6


def test_a_weekly_profile_is_forecast_to_the_day() -> None:
    """Weekends are cheap: three days from a Friday on are not three average days."""
    friday = date(2026, 7, 24)
    days = (friday - FIRST).days
    found = forecast(list(profile(days)), friday, 3, seed=1)
    assert found is not None
    assert found.method == "weekday"
    assert found.end() == pytest.approx((1_900.0,) * 3)


def test_too_little_history_is_no_forecast() -> None:
    """An interval from three days would be false precision."""
    assert forecast([10.0] * (LEAST_DAYS - 1), FIRST, 10, seed=0) is None
    assert forecast([10.0] * LEAST_DAYS, FIRST, 0, seed=0) is None
    assert forecast([10.0] * LEAST_DAYS, FIRST, 10, seed=0) is not None


def test_one_dear_day_does_not_set_the_level() -> None:
    """A single training run must not be forecast again for every day to come."""
    found = forecast([100.0, 101.0, 99.0] * 6 + [5_000.0], FIRST, 10, seed=0)
    assert found is not None
    assert found.end()[0] == pytest.approx(1_000, rel=0.02)


def test_the_same_seed_gives_the_same_interval() -> None:
    """A number that changes at every look is not believed."""
    history = list(STREAMS["skewed"](40, np.random.default_rng(0)))
    first, again, other = (forecast(history, FIRST, 10, seed) for seed in (1, 1, 2))
    assert first is not None and again is not None and other is not None
    assert first.end() == again.end() != other.end()


def test_the_day_on_which_an_amount_is_used_up() -> None:
    """100 a day and 450 left: gone on the fifth day; 5,000 last longer; half a day counts half."""
    found = forecast([100.0] * 20, FIRST, 10, seed=0)
    assert found is not None
    assert found.exhausted(450.0) == (FIRST + timedelta(days=4),) * 3
    assert found.exhausted(5_000.0) == (None, None, None)
    half = forecast([100.0] * 20, FIRST, 2, seed=0, part_of_first=0.5)
    assert half is not None
    assert half.end() == pytest.approx((150.0,) * 3)
