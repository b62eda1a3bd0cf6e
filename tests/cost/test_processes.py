"""Work of a shared device split by what each pod's processes did: the device's own work stays what it is."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.folds import FOLDS
from pipeline.answers import cost_days
from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.prices import PriceBook
from pipeline.store import Batch, Store
from tests.cost.test_cost_buckets import SEVEN_DOLLARS
from tests.cost.test_cost_laws import plain_store
from tests.cost_rows import Row, allocation, at, device, minutes, table
from tests.examples import examples
from tests.folds.fold_events import events

HOURS = Window(at(0), at(2))
CARD = [device("a", at(0), at(2))]


def process(pod: str, hour: float, busy: float) -> Row:
    where = {"cluster": "c", "device": "a", "namespace": "ns", "pod": pod}
    return {"minute": at(hour), **where, "busy_seconds": busy, "observed_seconds": 0}


def used(store: Store, window: Window = HOURS) -> dict[str, tuple[Decimal, Decimal]]:
    """What each pod's work and its idle time cost."""
    rows = cost(store, window, ("pod",), SEVEN_DOLLARS).named()
    return {str(row["pod"]): (row["used_cost"], row["workload_idle_cost"]) for row in rows}


def test_who_worked_more_on_a_shared_card_has_more_of_its_use(tmp_path: Path) -> None:
    """A card that is half busy, three quarters of it by one of two: exporters repeat its value under both."""
    held = [allocation("a", pod, at(0), at(2), (1, 2)) for pod in ("a", "b")]
    seen = minutes("a", at(0), at(2), 30)
    told = [process("a", 0.5, 900), process("b", 0.5, 300)]
    with plain_store(str(tmp_path), devices=CARD, allocations=held, gpu_usage=seen) as store:
        assert used(store) == {"a": (Decimal("3.5"), Decimal("3.5")), "b": (Decimal("3.5"), Decimal("3.5"))}
        store.append(Batch({"process_usage": table("process_usage", told)}))
        # 2.625 and 0.875 of the first hour's 3.5; of the second nothing is known, and it is split by share
        assert used(store) == {
            "a": (Decimal("4.375"), Decimal("2.625")), "b": (Decimal("2.625"), Decimal("4.375")),
        }  # fmt: skip
        half = Window(at(0), at(0.5))
        assert used(store, half)["a"] == (Decimal("1.3125"), Decimal("0.4375"))


shares = st.sampled_from([(1, 1), (1, 2), (1, 3), (2, 3), (1, 7)])
pods = st.sampled_from("xyz")


@settings(max_examples=examples(4), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(pods, shares, st.integers(0, 7), st.integers(1, 8)), min_size=1, max_size=5),
    st.lists(st.tuples(pods, st.integers(0, 119), st.integers(0, 120)), min_size=1, max_size=6),
    st.integers(0, 60),
)
def test_the_device_worked_as_much_as_before_and_nobody_more_than_he_holds(
    holders: list[tuple[str, tuple[int, int], int, int]], told: list[tuple[str, int, int]], busy: int
) -> None:
    """Processes may claim more than the device did: its own measurement is the one that is paid for."""
    held = [
        allocation("a", pod, at(start / 4), at(start / 4 + length / 4), share, container=str(i))
        for i, (pod, share, start, length) in enumerate(holders)
    ]
    seen = minutes("a", at(0), at(2), busy)
    by = ("device", "hour")
    with TemporaryDirectory() as folder:
        facts = {"devices": CARD, "allocations": held, "gpu_usage": seen}
        with plain_store(folder, **facts) as store:
            before = {row["hour"]: row for row in cost(store, HOURS, by, SEVEN_DOLLARS).named()}
            rows = [process(pod, 0, each) | {"minute": at(0) + timedelta(minutes=m)} for pod, m, each in told]
            store.append(Batch({"process_usage": table("process_usage", rows)}))
            for row in cost(store, HOURS, by, SEVEN_DOLLARS).named():
                was = before[row["hour"]]
                assert row["busy_gpu_hours"] == was["busy_gpu_hours"]
                assert row["total_cost"] == was["total_cost"] == 7
            found = cost(store, HOURS, ("pod", "hour"), SEVEN_DOLLARS)
            assert all(row["used_cost"] >= 0 and row["workload_idle_cost"] >= 0 for row in found.named()), (
                "no pod uses more than it holds"
            )
            with patch.object(cost_days, "KEPT_FROM_ROWS", 0), patch.object(Store, "state", lambda _: None):
                for _ in range(2):
                    assert cost(store, HOURS, ("pod", "hour"), SEVEN_DOLLARS) == found


def test_a_pods_sample_is_no_second_sample_of_the_device() -> None:
    """Counted with the device's own it would make every shared card twice as busy."""
    row: dict[str, Any] = {
        "cluster": "c",
        "node": "n",
        "device": "a",
        "time": at(1),
        "interval_seconds": 60.0,
    }
    whole = row | {"util_ratio": 0.5}
    part = row | {
        "util_ratio": 0.25,
        "namespace": "ns",
        "pod": "p",
        "confidence": "process",
        "xid_errors": 1.0,
    }
    found: dict[str, list[Row]] = {}
    for fold in FOLDS["gpu"]:
        found |= {name: rows.to_pylist() for name, rows in fold(events("gpu", whole, part), {}).items()}
    assert [r["busy_seconds"] for r in found["gpu_usage"]] == [Decimal(30)]
    assert not found["gpu_conditions"]
    (one,) = found["process_usage"]
    assert (one["pod"], one["busy_seconds"]) == ("p", Decimal(15))


def test_two_sharers_of_one_measured_device_are_told_on_their_lines(tmp_path: Path) -> None:
    """An event of the whole card says nothing of who worked: the split must not look measured."""
    halves = [allocation("a", pod, at(0), at(2), (1, 2)) for pod in ("x", "y")]
    alone = [allocation("b", "z", at(0), at(2))]
    cards = [device(name, at(0), at(2)) for name in "ab"]
    seen = [*minutes("a", at(0), at(1), 30), *minutes("b", at(0), at(2), 30)]
    book = PriceBook.flat(Decimal(2), "USD")
    with plain_store(str(tmp_path), devices=cards, allocations=[*halves, *alone], gpu_usage=seen) as store:
        answer = cost(store, Window(at(0), at(2)), ("pod",), book)
        told = {row["pod"]: row["device_duplicated_gpu_hours"] for row in answer.named()}
        assert told["x"] == told["y"] == Decimal("0.5") and told["z"] == 0
        assert any("1 GPU-hours were held beside others" in note for note in answer.notes)
        assert answer.total_of("device_duplicated_gpu_hours") == 1
