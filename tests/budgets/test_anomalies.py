"""Days that cost unlike those before: found, rarely cried for nothing, and explained in parts that sum."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.answers.anomalies import anomalies
from pipeline.answers.answer import Answer
from pipeline.answers.baseline import unlike
from pipeline.answers.cost_drivers import Line, drivers
from pipeline.answers.window import Window
from pipeline.cli import app
from pipeline.errors import ConfigError
from pipeline.prices import PriceBook
from pipeline.prices.price import Price
from pipeline.store import Store
from tests.budgets.cost_streams import STREAMS
from tests.budgets.measure_streams import false_alarms
from tests.cost_rows import allocation, device, ledger

DAY = timedelta(days=1)
START = datetime(2026, 9, 7)
MORE, AWAY, DEAR, END = (START + n * DAY for n in (30, 33, 36, 38))
BOOK = PriceBook(
    "dearer for a day",
    (
        Price("early", (), Decimal(1), "USD", valid_to=DEAR),
        Price("dear", (), Decimal(3), "USD", valid_from=DEAR, valid_to=DEAR + DAY),
        Price("late", (), Decimal(1), "USD", valid_from=DEAR + DAY),
    ),
)
ALL = Window(START, END)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One card that team-a holds at a dollar; two more of team-b for a day, two of nobody for another."""
    cards = [device("one", START, time=END)]
    held = [allocation("one", "a", START, None, time=END)]
    for name in ("two", "three"):
        cards.append(device(name, MORE, MORE + DAY))
        held.append(allocation(name, f"b-{name}", MORE, MORE + DAY))
    cards += [device(name, AWAY, AWAY + DAY) for name in ("four", "five")]
    with ledger(tmp_path_factory.mktemp("anomalies"), devices=cards, allocations=held) as found:
        yield found


def named(answer: Answer) -> list[dict[str, Any]]:
    return [dict(zip([c.name for c in answer.columns], row, strict=True)) for row in answer.rows]


def test_a_window_of_all_time_is_one_of_the_whole_ledger(store: Store) -> None:
    """It ended with a stack trace: there is no time eight weeks before the first."""
    always = Window(datetime.min, datetime(9999, 12, 31))
    assert anomalies(store, always, prices=BOOK).rows == anomalies(store, ALL, prices=BOOK).rows != ()


def test_each_anomaly_is_named_by_what_drove_it(store: Store) -> None:
    """24 dollars a day; 48 more of team-b, then of nobody, then by the price."""
    found = named(anomalies(store, ALL, prices=BOOK))
    assert [(r["time"], r["driver"], r["cost"], r["baseline"]) for r in found] == [
        (DEAR, "price", Decimal(72), Decimal(24)),
        (AWAY, "idle", Decimal(72), Decimal(24)),
        (MORE, "volume", Decimal(72), Decimal(24)),
    ]
    parts = [[r[n] for n in ("price", "volume", "mix", "idle")] for r in found]
    assert parts == [[48, 0, 0, 0], [0, 0, 0, 48], [0, 48, 0, 0]]
    assert found[2]["where"] == "team-b on NVIDIA L4"
    assert all((r["time"] - r["baseline_time"]) % (7 * DAY) == timedelta(0) for r in found)


def test_each_line_has_its_own_baseline(store: Store) -> None:
    """team-a pays 24 dollars throughout, but on the dear day: the others' days are not its own."""
    found = named(anomalies(store, ALL, ("team",), prices=BOOK))
    assert [(r["team"], r["time"]) for r in found if r["team"] == "team-a"] == [("team-a", DEAR)]


def test_hours_are_compared_with_the_same_hour_of_the_week(store: Store) -> None:
    """The first dear hour is found within the hour, not at midnight."""
    found = named(anomalies(store, Window(DEAR, DEAR + timedelta(hours=2)), step="hour", prices=BOOK))
    assert [(r["time"].hour, r["driver"], r["difference"]) for r in found] == [
        (1, "price", 2),
        (0, "price", 2),
    ]


def test_a_short_ledger_says_what_it_cannot_say(store: Store) -> None:
    """No anomaly found is not the same as nothing to compare with."""
    answer = anomalies(store, Window(START, START + 20 * DAY), prices=BOOK)
    assert answer.rows == ()
    assert any("fewer than 4 weeks" in note for note in answer.notes)
    assert not any("fewer" in n for n in anomalies(store, Window(START + 28 * DAY, END), prices=BOOK).notes)
    with pytest.raises(ConfigError, match="tem"):
        anomalies(store, ALL, ("tem",), prices=BOOK)


def test_mix_is_the_same_hours_on_dearer_cards() -> None:
    """Ten hours move from a 1-dollar card to a 3-dollar one: no price rose and no hour was added."""
    before = {("a", "L4"): Line(Decimal(20), Decimal(20)), ("a", "H100"): Line(Decimal(10), Decimal(30))}
    now = {("a", "L4"): Line(Decimal(10), Decimal(10)), ("a", "H100"): Line(Decimal(20), Decimal(60))}
    found = drivers(before, now)
    assert (found.price, found.volume, found.mix, found.idle) == (0, 0, 20, 0)
    assert (found.largest, found.culprit[1]) == ("mix", "H100")


def test_a_price_that_rises_is_named_also_where_most_of_the_fleet_is_idle() -> None:
    """Two of twelve cards are held; the ten others are as idle as before, and nobody can switch them off."""
    held, free = ("a", "H100"), ("cluster_idle", "H100")
    before = {held: Line(Decimal(2), Decimal(10)), free: Line(idle=Decimal(50), idle_hours=Decimal(10))}
    now = {held: Line(Decimal(2), Decimal(12)), free: Line(idle=Decimal(60), idle_hours=Decimal(10))}
    found = drivers(before, now)
    assert (found.price, found.volume, found.mix, found.idle) == (12, 0, 0, 0)
    assert (found.largest, found.culprit) == ("price", free)
    more = {**before, free: Line(idle=Decimal(75), idle_hours=Decimal(15))}
    assert (drivers(before, more).largest, drivers(before, more).idle) == ("idle", 25)


amounts = st.decimals(0, 10**6, places=9, allow_nan=False, allow_infinity=False)
lines = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["L4", "H100"])),
    st.builds(Line, amounts, amounts, amounts, amounts),
)


@given(lines, lines)
def test_the_parts_sum_to_the_difference_to_the_last_digit(
    before: dict[Any, Line], now: dict[Any, Line]
) -> None:
    """A difference of which a cent has no driver is not explained."""
    found = drivers(before, now)
    difference = sum((n.held + n.idle for n in now.values()), Decimal(0)) - sum(
        (b.held + b.idle for b in before.values()), Decimal(0)
    )
    assert found.price + found.volume + found.mix + found.idle == difference


@given(lines)
def test_a_day_like_its_baseline_has_no_driver(same: dict[Any, Line]) -> None:
    found = drivers(same, same)
    assert (found.price, found.volume, found.mix, found.idle) == (0, 0, 0, 0)


@pytest.mark.parametrize(("stream", "most"), [("plain", 0.008), ("sticky", 0.008), ("skewed", 0.025)])
def test_an_unchanged_stream_is_seldom_unlike_itself(stream: str, most: float) -> None:
    """An alarm every week is switched off; docs/metrics.md states the measured rates."""
    assert false_alarms(stream, 56, 120, 25) <= most


@pytest.mark.parametrize("stream", ["plain", "sticky"])
def test_a_doubled_day_is_found(stream: str) -> None:
    """The bar is not so high that nothing passes it."""
    found = 0
    for i in range(20):
        costs = STREAMS[stream](57, np.random.default_rng([i, 3]))
        costs[56] *= 2
        found += [one.index for one in unlike(list(costs), 7, 56)][-1:] == [56]
    assert found >= 18


def test_the_command_answers(store: Store) -> None:
    """A job that asks each night must be able to tell by the exit code alone whether somebody has to look."""
    words = ["anomalies", "-s", str(store.location.folder), "--gpu-hour-price", "1", "-o", "json"]
    found = CliRunner().invoke(app.app, [*words, "--window", "2026-10-07"])
    (row,) = json.loads(found.stdout)["rows"]
    assert (row["driver"], row["where"], row["cost"]) == ("volume", "team-b on NVIDIA L4", "72.000000000")
    assert found.exit_code == 6
    found = CliRunner().invoke(app.app, [*words, "--window", "2026-10-08"])
    assert (found.exit_code, json.loads(found.stdout)["rows"]) == (0, [])
