"""What pods use of a node's CPUs and memory: charged where it is more than they hold; the node still sums."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.answers import cost_days
from pipeline.answers.answer import Answer
from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.prices import PriceBook
from pipeline.prices.price import Price
from pipeline.settings.cost import CostRule, Method, Spread
from pipeline.store import Batch, Store
from tests.cost.test_cost_laws import MINUTE, plain_store
from tests.cost_rows import Row, allocation, at, device, minutes, table
from tests.examples import examples

GIB = 2**30
HOUR = Window(at(0), at(1))


def priced(resource: str, unit_hour: str) -> Price:
    return Price(resource, (("resource", resource),), Decimal(unit_hour), "USD")


BOOK = PriceBook("own", (priced("cpu", "1"), priced("memory", "0.125")))
NODE = [
    device("n/cpu", at(0), resource="cpu", quantity=8_000, time=at(3), gpu_model=""),
    device("n/memory", at(0), resource="memory", quantity=16 * GIB, time=at(3), gpu_model=""),
]


def use(place: str, pod: str, hour: float, ratio: float, minutes: int = 60) -> list[Row]:
    """A pod's part of all that the node has, minute by minute."""
    where = {"cluster": "c", "device": f"n/{place}", "namespace": "ns", "pod": pod}
    seconds = {"busy_seconds": 60 * ratio, "observed_seconds": 60}
    return [{"minute": at(hour) + m * MINUTE, **where, **seconds} for m in range(minutes)]


def cpu(pod: str, cores: float, hours: float = 1) -> Row:
    return allocation("n/cpu", pod, at(0), at(hours), (round(cores * 1000), 8_000))


def paid(answer: Answer, column: str = "total_cost") -> dict[str, Decimal]:
    return {str(row["pod"]): row[column] for row in answer.named() if row[column]}


def asked(store: Store, method: Method = Method.max, window: Window = HOUR, **rule: Any) -> Answer:
    return cost(store, window, ("pod",), BOOK, rule=CostRule(method, **rule))


def test_who_uses_more_than_it_requests_pays_for_what_it_uses(tmp_path: Path) -> None:
    """The bug of others: a pod that requests 100 millicores and burns six cores costs a tenth of a core."""
    held = [cpu("a", 2), cpu("b", 1), cpu("c", 0), cpu("d", 1)]
    told = [*use("cpu", "a", 0, 0.125), *use("cpu", "b", 0, 0.25), *use("cpu", "c", 0, 0.0625)]
    with plain_store(str(tmp_path), devices=NODE[:1], allocations=held, process_usage=told) as store:
        # a holds 2 and uses 1, b holds 1 and uses 2, c holds none and uses a half; of d nothing is known
        answer = asked(store)
        assert paid(answer) == {
            "a": 2, "b": 2, "c": Decimal("0.5"), "d": 1, "cluster_idle": Decimal("2.5"),
        }  # fmt: skip
        assert paid(answer, "used_cost") == {"a": 1, "b": 2, "c": Decimal("0.5"), "d": 1}
        assert paid(answer, "cpu_used_core_hours") == {"a": 1, "b": 2, "c": Decimal("0.5")}
        assert paid(answer, "cpu_unmeasured_core_hours") == {"d": 1}
        assert any("not measured of 1 core-hours" in note for note in answer.notes)
        held_alone = asked(store, Method.allocation)
        assert paid(held_alone) == {"a": 2, "b": 1, "d": 1, "cluster_idle": 4}
        assert paid(held_alone, "workload_idle_cost") == {"a": 1}
        # what a holds and does not use is paid by the three who work, one core each
        assert paid(asked(store, Method.usage), "workload_idle_cost").keys() == {"a", "b", "d"}


def test_an_hour_that_was_seen_in_part_counts_as_held_in_the_rest(tmp_path: Path) -> None:
    """A collector that begins at half past must neither halve what a pod uses nor double it."""
    held = [cpu("a", 2), cpu("b", 2)]
    told = [*use("cpu", "a", 0.5, 0.5, 30), *use("cpu", "b", 0.5, 0.125, 30)]
    with plain_store(str(tmp_path), devices=NODE[:1], allocations=held, process_usage=told) as store:
        # a: half an hour of 4 cores and half of the 2 that it holds; b uses 1 for half an hour
        assert paid(asked(store)) == {"a": 3, "b": 2, "cluster_idle": 3}
        assert paid(asked(store), "used_cost") == {"a": 3, "b": Decimal("1.5")}


def test_a_node_that_is_asked_for_more_than_it_has_is_scaled_to_it(tmp_path: Path) -> None:
    """Requests that sleep beside a pod that works: together more than the node, which is paid for once."""
    held = [cpu("a", 6), cpu("b", 1)]
    told = [*use("cpu", "a", 0, 0), *use("cpu", "b", 0, 0.75)]
    with plain_store(str(tmp_path), devices=NODE[:1], allocations=held, process_usage=told) as store:
        assert paid(asked(store)) == {"a": 4, "b": 4}


def test_memory_is_charged_as_cores_are_and_a_gpu_beside_it_as_ever(tmp_path: Path) -> None:
    held = [
        allocation("g", "a", at(0), at(1)),
        allocation("n/memory", "a", at(0), at(1), (4 * GIB, 16 * GIB)),
    ]
    gpu = [device("g", at(0), at(1))]
    book = PriceBook("own", (*BOOK.prices, Price("gpu", (("gpu_model", "L4"),), Decimal(3), "USD")))
    facts = {"gpu_usage": minutes("g", at(0), at(1), 30), "process_usage": use("memory", "a", 0, 0.5)}
    with plain_store(str(tmp_path), devices=[*gpu, *NODE[1:]], allocations=held, **facts) as store:
        answer = cost(store, HOUR, ("resource", "pod"), book, rule=CostRule(Method.max))
        found = {(r["resource"], r["pod"]): (r["used_cost"], r["total_cost"]) for r in answer.named()}
        assert found == {
            ("gpu", "a"): (Decimal("1.5"), 3), ("memory", "a"): (1, 1), ("memory", "cluster_idle"): (0, 1),
        }  # fmt: skip
        (total,) = [row for row in cost(store, HOUR, ("cluster",), book, rule=CostRule(Method.max)).named()]
        assert total["memory_used_gib_hours"] == 8 and total["busy_gpu_hours"] == Decimal("0.5")


def test_a_request_that_changes_within_the_hour_divides_its_use(tmp_path: Path) -> None:
    """A pod that is resized has two intervals, and used what it used once."""
    held = [
        allocation("n/cpu", "a", at(0), at(0.5), (1_000, 8_000)),
        allocation("n/cpu", "a", at(0.5), at(1), (3_000, 8_000)),
    ]
    with plain_store(
        str(tmp_path), devices=NODE[:1], allocations=held, process_usage=use("cpu", "a", 0, 0.5)
    ) as store:
        assert paid(asked(store)) == {"a": 4, "cluster_idle": 4}


part = st.sampled_from([(0, 8), (1, 8), (1, 3), (5, 8), (1, 1)])
instants = st.integers(0, 3 * 3600 * 4).map(lambda n: at(0) + timedelta(milliseconds=250 * n))


@st.composite
def holding(draw: st.DrawFn, number: int) -> Row:
    start, end = sorted((draw(instants), draw(instants)))
    pod, place = draw(st.sampled_from("xyz")), draw(st.sampled_from(["cpu", "memory"]))
    more = {"container": str(number), "namespace": draw(st.sampled_from(["ns", "ns", "kube-system"]))}
    return allocation(f"n/{place}", pod, start, end, draw(part), **more)


uses = st.builds(
    use,
    st.sampled_from(["cpu", "memory"]), st.sampled_from("xyz"), st.integers(0, 170).map(lambda m: m / 60),
    st.integers(0, 100).map(lambda n: n / 100), st.integers(1, 90),
)  # fmt: skip
CHANGED = PriceBook(
    "changed",
    (
        Price("c", (("resource", "cpu"),), Decimal("0.700000001"), "USD", valid_to=at(1.25)),
        Price("d", (("resource", "cpu"),), Decimal("0.3"), "USD", valid_from=at(1.25)),
        priced("memory", "0.0123"),
    ),
)
RESIZED = [
    device("n/cpu", at(0.1), at(2.2), resource="cpu", quantity=8_000, gpu_model="", health="unhealthy"),
    device("n/cpu", at(2.2), resource="cpu", quantity=12_000, time=at(3), gpu_model=""),
    device("n/memory", at(0), resource="memory", quantity=16 * GIB, time=at(3), gpu_model=""),
]


@settings(max_examples=examples(3), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 6).flatmap(lambda n: st.tuples(*map(holding, range(n)))),
    st.lists(uses, max_size=5).map(lambda runs: [row for run in runs for row in run]),
    st.sampled_from([CostRule(m) for m in Method] + [CostRule(Method.max, Spread.weighted)]),
    st.lists(st.integers(1, 179), min_size=1, max_size=2, unique=True).map(sorted),
)
def test_a_node_costs_what_it_did_and_windows_add_up_whatever_was_used(
    holders: Sequence[Row], told: list[Row], rule: CostRule, cuts: list[int]
) -> None:
    """What one pod is charged more another line must be charged less, to the billionth."""
    whole = Window(at(0), at(3))
    with TemporaryDirectory() as folder, plain_store(folder, devices=RESIZED, allocations=holders) as store:
        place = ("resource", "hour")

        def bill() -> dict[Any, Any]:
            rows = cost(store, whole, place, CHANGED, rule=rule).named()
            return {(row["resource"], row["hour"]): row["total_cost"] for row in rows}

        before = bill()
        if told:
            store.append(Batch({"process_usage": table("process_usage", told)}))
        assert bill() == before
        found = cost(store, whole, ("pod",), CHANGED, rule=rule)
        for row in found.named():
            assert row["used_cost"] >= 0 and row["workload_idle_cost"] >= 0 and row["cluster_idle_cost"] >= 0
        if not rule.spreads:
            edges = [at(0), *(at(m / 60) for m in cuts), at(3)]
            sums: dict[str, Decimal] = {}
            for a, b in pairwise(edges):
                for pod, amount in paid(cost(store, Window(a, b), ("pod",), CHANGED, rule=rule)).items():
                    sums[pod] = sums.get(pod, Decimal(0)) + amount
            assert {pod: amount for pod, amount in sums.items() if amount} == paid(found)
        with patch.object(cost_days, "KEPT_FROM_ROWS", 0), patch.object(Store, "state", lambda _: None):
            for _ in range(2):
                assert cost(store, whole, ("pod",), CHANGED, rule=rule) == found


@pytest.mark.parametrize("method", [Method.max, Method.aws_split, Method.datadog, Method.opencost])
def test_where_nothing_is_measured_the_answer_says_that_the_request_stands_in(
    tmp_path: Path, method: Method
) -> None:
    with plain_store(str(tmp_path), devices=NODE[:1], allocations=[cpu("a", 2)]) as store:
        answer = asked(store, method)
        assert paid(answer)["a"] == 2
        assert any("not measured of 2 core-hours" in note for note in answer.notes)
