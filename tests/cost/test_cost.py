"""Who pays for which second of a GPU: small clusters counted by hand, to the last digit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.answers import cost_query
from pipeline.answers.answer import Answer
from pipeline.answers.cost import cost
from pipeline.answers.cost_basis import Basis
from pipeline.answers.window import Window
from pipeline.errors import ConfigError, NotFound
from pipeline.ownership.rules import Ownership
from pipeline.prices import PriceBook
from pipeline.settings.cost import CostRule
from pipeline.store import Store
from tests.cost_rows import allocation, at, device, ledger, minutes

SEVEN_DOLLARS = PriceBook.flat(Decimal("7"), "USD")
TWO_HOURS = Window(at(0), at(2))


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Four cards for two hours at 7 dollars: whole, MIG, time-sliced, and one claim of two pods."""
    cards = ("whole", "mig", "sliced", "claim")
    held = [
        allocation("whole", "w", at(0.5), at(1.5)),
        *(allocation("mig", f"m{i}", at(0), None, (1, 7)) for i in range(7)),
        *(allocation("sliced", f"s{i}", at(0), None, (1, 4)) for i in range(3)),
        *(allocation("claim", f"c{i}", at(0), None, (1, 2), claim_uid="one") for i in range(2)),
        allocation("whole", "watcher", at(0), None, admin_access=True),
    ]
    seen = [
        *minutes("whole", at(0.5), at(1.5), 30, active=45, idle_held=15),
        *minutes("mig", at(0), at(2), 60, active=60),
        *minutes("sliced", at(0), at(2), 15, active=30),
    ]
    folder = tmp_path_factory.mktemp("golden")
    with ledger(
        folder, devices=[device(c, at(0), time=at(2)) for c in cards], allocations=held, gpu_usage=seen
    ) as store:
        yield store


def by(answer: Answer, *names: str) -> dict[str, tuple[Any, ...]]:
    """The named columns by the first column."""
    places = [[c.name for c in answer.columns].index(n) for n in names]
    return {str(row[0]): tuple(row[i] for i in places) for row in answer.rows}


def dollars(*texts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(t) for t in texts)


COSTS = ("used_cost", "workload_idle_cost", "cluster_idle_cost", "total_cost")


def test_the_golden_cluster_costs_what_the_paper_says(golden: Store) -> None:
    """Each card costs 14 dollars; sevenths, quarters and halves of it are exact.

    A replica pays 1.75 an hour; a third of its time is used, cut to 0.583333333, six times.
    """
    found = by(cost(golden, TWO_HOURS, ("device",), SEVEN_DOLLARS), *COSTS)
    assert found == {
        "whole": dollars("3.5", "3.5", "7", "14"),
        "mig": dollars("14", "0", "0", "14"),
        "sliced": dollars("3.499999998", "7.000000002", "3.5", "14"),
        "claim": dollars("0", "14", "0", "14"),
    }


def test_the_golden_pods_pay_their_share(golden: Store) -> None:
    """Seven MIG slices are one card, three of four replicas three quarters, a claim's two pods half each."""
    answer = cost(golden, TWO_HOURS, ("pod",), SEVEN_DOLLARS)
    found = by(answer, "allocated_gpu_hours", "total_cost")
    assert found["w"] == dollars("1", "7")
    assert [found[f"s{i}"] for i in range(3)] == [dollars("0.5", "3.5")] * 3
    assert [found[f"c{i}"] for i in range(2)] == [dollars("1", "7")] * 2
    assert [found[f"m{i}"] for i in range(7)] == [dollars("0.285714", "2")] * 7
    assert found["cluster_idle"] == dollars("0", "10.5")
    assert "watcher" not in found
    assert not any("more than a device" in note for note in answer.notes)


def test_active_idle_held_and_busy_time_of_the_golden_pods(golden: Store) -> None:
    """A pod that computes half of its time at two thirds is neither all active nor all idle."""
    names = ("active_gpu_hours", "idle_held_gpu_hours", "busy_gpu_hours")
    found = by(cost(golden, TWO_HOURS, ("pod",), SEVEN_DOLLARS), *names)
    assert found["w"] == dollars("0.75", "0.25", "0.5")
    assert found["s0"] == dollars("0.25", "0", "0.166667")
    assert found["c0"] == dollars("0", "0", "0")


def test_time_that_nobody_observed_is_said(golden: Store) -> None:
    """The claim's card has no samples and the whole one half: 5 of 8 hours were seen."""
    answer = cost(golden, TWO_HOURS, ("device",), SEVEN_DOLLARS)
    assert answer.completeness == Decimal("0.625")
    assert any("3 GPU-hours were not observed" in note for note in answer.notes)
    assert by(answer, "completeness")["claim"] == (Decimal(0),)


def test_the_buckets_are_the_columns(golden: Store) -> None:
    """Grouping by bucket must not change what was spent."""
    answer = cost(golden, TWO_HOURS, ("bucket",), SEVEN_DOLLARS)
    assert by(answer, "total_cost") == {
        "used": dollars("20.999999998"),
        "workload_idle": dollars("24.500000002"),
        "cluster_idle": dollars("10.5"),
    }
    assert answer.total is not None
    assert answer.total[[c.name for c in answer.columns].index("total_cost")] == Decimal(56)


def test_hours_and_days_are_times_in_order(golden: Store) -> None:
    """A chart over time needs every hour once, in order."""
    answer = cost(golden, TWO_HOURS, ("hour",), SEVEN_DOLLARS)
    assert [row[0] for row in answer.rows] == [at(0), at(1)]
    assert [row[0] for row in cost(golden, TWO_HOURS, ("day",), SEVEN_DOLLARS).rows] == [at(0)]


def test_nothing_is_billed_after_the_newest_fact(golden: Store) -> None:
    """A collector that went silent must not run up a bill until the end of the month."""
    answer = cost(golden, Window(at(0), at(400)), ("cluster",), SEVEN_DOLLARS)
    assert by(answer, "total_cost") == {"c": dollars("56")}
    assert any("nothing after it is counted" in note for note in answer.notes)


def test_a_window_of_all_time_costs_what_the_ledger_has_and_takes_no_longer(golden: Store) -> None:
    """Each hour was a row: ten thousand years took ten gigabytes, and were not done in ten minutes."""
    year = Window(at(-24 * 300), at(24 * 300))
    with golden.steady():
        seen = cost_query.seen(golden)
        basis = Basis(golden, seen, year, SEVEN_DOLLARS, "USD", CostRule(), Ownership(), year, None)
        assert basis.cells.num_rows == 24
    always = Window(datetime.min, datetime(9999, 12, 31))
    answer = cost(golden, always, ("bucket",), SEVEN_DOLLARS)
    assert answer.rows == cost(golden, TWO_HOURS, ("bucket",), SEVEN_DOLLARS).rows
    assert answer.window == always
    for before_or_after in (Window(datetime.min, at(-1)), Window(at(48), always.end)):
        assert not cost(golden, before_or_after, ("bucket",), SEVEN_DOLLARS).rows


def test_without_a_window_it_is_the_whole_ledger(golden: Store) -> None:
    answer = cost(golden, None, ("cluster",), SEVEN_DOLLARS)
    assert answer.window == TWO_HOURS
    assert by(answer, "total_cost") == {"c": dollars("56")}


def total(store: Store, window: Window, name: str = "total_cost", book: PriceBook = SEVEN_DOLLARS) -> Any:
    answer = cost(store, window, ("cluster",), book)
    assert answer.total is not None
    return answer.total[[c.name for c in answer.columns].index(name)]


def test_a_device_without_a_price_is_not_free(tmp_path: Path) -> None:
    """An unknown GPU shown as 0.00 would hide the largest bill of all."""
    with ledger(
        tmp_path,
        devices=[device("a", at(0), at(1)), device("b", at(0), at(1), gpu_model="Mystery 9000")],
        allocations=[allocation("a", "x", at(0), at(1)), allocation("b", "y", at(0), at(1))],
    ) as store:
        book = PriceBook.flat(Decimal(1), "USD")
        only_l4 = PriceBook("test", (type(book.prices[0])("l4", (("gpu_model", "L4"),), Decimal(1), "USD"),))
        answer = cost(store, Window(at(0), at(1)), ("pod",), only_l4)
        assert by(answer, "total_cost", "unpriced_gpu_hours") == {
            "x": dollars("1", "0"), "y": (None, Decimal(1)),
        }  # fmt: skip
        assert any("Mystery 9000" in note and "--gpu-hour-price" in note for note in answer.notes)


def test_shares_of_more_than_the_card_are_scaled_and_said(tmp_path: Path) -> None:
    """Two pods that both say they hold a whole card pay half each, and the reader learns of it."""
    with ledger(
        tmp_path,
        devices=[device("a", at(0), at(1))],
        allocations=[allocation("a", "x", at(0), at(1)), allocation("a", "y", at(0), at(1))],
    ) as store:
        answer = cost(store, Window(at(0), at(1)), ("pod",), SEVEN_DOLLARS)
        assert by(answer, "total_cost") == {"x": dollars("3.5"), "y": dollars("3.5")}
        assert any("1 GPU-hours were held by shares of more than a device" in n for n in answer.notes)


@pytest.mark.parametrize("parent_is_listed", [True, False])
def test_mig_partitions_are_their_card(tmp_path: Path, parent_is_listed: bool) -> None:
    """Partitions beside their card in the inventory must not be billed on top of it."""
    slices = [device(f"MIG-{i}", at(0), at(1), parent_device="GPU", mig_profile="1g.5gb") for i in range(7)]
    card = [device("GPU", at(0), at(1))] if parent_is_listed else []
    held = [allocation(f"MIG-{i}", f"m{i}", at(0), at(1), (1, 7)) for i in range(2)]
    used = minutes("MIG-0", at(0), at(1), 60, active=60) + minutes("MIG-2", at(0), at(1), 0)
    with ledger(tmp_path, devices=slices + card, allocations=held, gpu_usage=used) as store:
        answer = cost(store, Window(at(0), at(1)), ("pod",), SEVEN_DOLLARS)
        assert by(answer, *COSTS) == {
            "m0": dollars("1", "0", "0", "1"),
            "m1": dollars("0", "1", "0", "1"),
            "cluster_idle": dollars("0", "0", "5", "5"),
        }
        assert by(cost(store, Window(at(0), at(1)), ("device",), SEVEN_DOLLARS), "total_cost") == {
            "GPU": dollars("7")
        }


def test_without_an_inventory_a_device_exists_while_it_is_seen_or_held(tmp_path: Path) -> None:
    """A site that only scrapes DCGM still learns what stood idle."""
    with ledger(
        tmp_path,
        allocations=[allocation("a", "x", at(1), at(1.5))],
        gpu_usage=minutes("a", at(0), at(0.5), 30) + minutes("a", at(1), at(1.5), 30),
    ) as store:
        answer = cost(store, TWO_HOURS, ("pod",), SEVEN_DOLLARS)
        assert by(answer, *COSTS) == {
            "x": dollars("1.75", "1.75", "0", "3.5"),
            "cluster_idle": dollars("0", "0", "3.5", "3.5"),
        }


def test_a_price_that_changes_holds_from_its_minute_on(tmp_path: Path) -> None:
    """A new contract in the middle of an hour must not change what came before."""
    with ledger(tmp_path, devices=[device("a", at(0), at(2))]) as store:
        row = type(SEVEN_DOLLARS.prices[0])
        old = row("old", (), Decimal(1), "USD", valid_to=at(0.5))
        new = row("new", (), Decimal(3), "USD", valid_from=at(0.5))
        book = PriceBook("two", (old, new))
        assert total(store, TWO_HOURS, book=book) == Decimal(5)
        assert total(store, Window(at(0.25), at(0.75)), book=book) == Decimal(1)


def test_minutes_are_shared_by_those_who_hold_in_them(tmp_path: Path) -> None:
    """Two pods follow each other within a minute: the minute's work is divided by the time they held."""
    middle = datetime(2026, 10, 5, 0, 0, 15)
    with ledger(
        tmp_path,
        devices=[device("a", at(0), at(1 / 60))],
        allocations=[allocation("a", "x", at(0), middle), allocation("a", "y", middle, at(1 / 60))],
        gpu_usage=minutes("a", at(0), at(1 / 60), 40),
    ) as store:
        sixty = PriceBook.flat(Decimal(3600), "USD")
        found = by(cost(store, Window(at(0), at(1 / 60)), ("pod",), sixty), *COSTS)
        assert found == {"x": dollars("10", "5", "0", "15"), "y": dollars("30", "15", "0", "45")}


def test_wrong_questions_say_what_to_ask(golden: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tem.*team"):
        cost(golden, TWO_HOURS, ("tem",), SEVEN_DOLLARS)
    with pytest.raises(ConfigError, match="once"):
        cost(golden, TWO_HOURS, ("team", "team"), SEVEN_DOLLARS)
    with pytest.raises(ConfigError, match="whole minutes"):
        cost(golden, Window(at(0), at(0.0001)), ("team",), SEVEN_DOLLARS)
    with Store.open(tmp_path / "empty") as empty, pytest.raises(NotFound, match="no GPU fact"):
        cost(empty, None, ("team",), SEVEN_DOLLARS)


def test_who_owns_nothing_is_named(tmp_path: Path) -> None:
    """Money without an owner is a line of its own, not a blank."""
    held = [allocation("a", "x", at(0), at(1), team="", model="", workload="")]
    with ledger(tmp_path, devices=[device("a", at(0), at(2))], allocations=held) as store:
        answer = cost(store, TWO_HOURS, ("team", "model", "workload"), SEVEN_DOLLARS)
        assert sorted(row[:3] for row in answer.rows) == [
            ("cluster_idle", "cluster_idle", "cluster_idle"), ("unowned", "none", "unknown"),
        ]  # fmt: skip


@pytest.mark.parametrize(("pods", "share"), [(17, (1, 17)), (7, (1, 1)), (19, (3, 19))])
def test_shares_that_no_unit_divides_still_make_a_whole_card(
    tmp_path: Path, pods: int, share: tuple[int, int]
) -> None:
    """Seventeen seventeenths leave nothing over, and the card costs its price to the billionth."""
    held = [allocation("a", f"p{i}", at(0), at(1), share) for i in range(pods)]
    with ledger(tmp_path, devices=[device("a", at(0), at(1))], allocations=held) as store:
        found = by(cost(store, Window(at(0), at(1)), ("pod",), SEVEN_DOLLARS), "total_cost")
        assert sum(amount for (amount,) in found.values()) == Decimal(7)
        assert "cluster_idle" not in found
        assert max(found.values())[0] - min(found.values())[0] < Decimal("0.001")


def test_a_cut_inside_an_hour_divides_every_bucket(golden: Store) -> None:
    """Whoever asks at a quarter past gets the used part of that quarter, not of the hour."""
    cut = at(0.75)
    first = cost(golden, Window(at(0), cut), ("device",), SEVEN_DOLLARS)
    second = cost(golden, Window(cut, at(2)), ("device",), SEVEN_DOLLARS)
    assert by(first, *COSTS)["whole"] == dollars("0.875", "0.875", "3.5", "5.25")
    assert by(second, *COSTS)["whole"] == dollars("2.625", "2.625", "3.5", "8.75")
    assert by(second, "busy_gpu_hours", "active_gpu_hours")["whole"] == dollars("0.375", "0.5625")


def test_a_holder_of_half_a_card_cannot_use_more_than_half_in_any_minute(tmp_path: Path) -> None:
    """A burst on the idle half must not count as use in the minutes in which the pod slept."""
    with ledger(
        tmp_path,
        devices=[device("a", at(0), at(1))],
        allocations=[allocation("a", "x", at(0), at(1), (1, 2))],
        gpu_usage=minutes("a", at(0), at(0.5), 60) + minutes("a", at(0.5), at(1), 0),
    ) as store:
        found = by(cost(store, Window(at(0), at(1)), ("pod",), SEVEN_DOLLARS), *COSTS)
        assert found["x"] == dollars("1.75", "1.75", "0", "3.5")
