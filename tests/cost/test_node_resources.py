"""CPUs, memory, volumes, load balancers beside GPUs: priced, split, and a node's lines sum to its price."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.answers.answer import Answer
from pipeline.answers.budgets import budgets
from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.budgets import Budget
from pipeline.cli.app import app
from pipeline.errors import ConfigError
from pipeline.prices import PriceBook
from pipeline.prices.price import Price
from pipeline.settings.cost import CostRule, Method, Spread
from tests.cost.test_cost_laws import BOOK, MINUTE, SPAN_HOURS, exact_card_cost, instants, plain_store
from tests.cost_rows import Row, allocation, at, device, ledger
from tests.examples import examples

GIB = 2**30
WINDOW = Window(at(0), at(SPAN_HOURS))
HOST = [
    device("n/cpu", at(0), resource="cpu", quantity=64_000, time=at(4), gpu_model=""),
    device("n/memory", at(0), at(2), resource="memory", quantity=512 * GIB, gpu_model=""),
    device("n/memory", at(2.3), resource="memory", quantity=768 * GIB, time=at(4), gpu_model=""),
    device("n2/cpu", at(0), resource="cpu", quantity=8_000, time=at(4), gpu_model="", node="n2"),
]
GPUS = [
    device("a", at(0.25), at(1.3), time=at(4)),
    device("a", at(1.3), at(3.7), time=at(4), health="unhealthy"),
    device("b", at(0), at(2), time=at(4)),
]
RULES = [CostRule(method, spread) for method in Method for spread in (Spread.none, Spread.weighted)]


@st.composite
def held(draw: st.DrawFn, number: int) -> Row:
    start, end = sorted((draw(instants), draw(instants)))
    share = draw(st.sampled_from([(1, 1), (1, 2), (4_000, 64_000), (3, 512), (7, 9)]))
    name = draw(st.sampled_from(["a", "b", "n/cpu", "n/memory", "n2/cpu"]))
    return allocation(name, f"p{number}", start, end, share)


def sums(answer: Answer, *by: str) -> dict[Any, Decimal]:
    names = [c.name for c in answer.columns]
    found: dict[Any, Decimal] = defaultdict(Decimal)
    for row in answer.rows:
        line = dict(zip(names, row, strict=True))
        found[tuple(line[name] for name in by)] += line["total_cost"] or 0
    return {key: amount for key, amount in found.items() if amount}


@settings(max_examples=examples(5), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 8).flatmap(lambda n: st.tuples(*map(held, range(n)))), st.sampled_from(RULES))
def test_a_nodes_lines_sum_to_its_price_by_every_method(holders: tuple[Row, ...], rule: CostRule) -> None:
    """A method says whose the money is; a node that costs more or less by it could not be held to a bill."""
    with (
        TemporaryDirectory() as folder,
        plain_store(folder, devices=[*GPUS, *HOST], allocations=holders) as store,
    ):
        answer = cost(store, WINDOW, ("node", "pod", "resource", "hour"), BOOK, rule=rule)
        assert sum(sums(answer).values()) == exact_card_cost(at(0.25), at(3.7)) + exact_card_cost(
            at(0), at(2)
        )
        if rule.idle is Spread.none:
            assert set(sums(answer, "node")) == {("n",)}
        if rule.split is not None:
            assert {("cpu",), ("memory",)} < set(sums(answer, "resource"))
            halves = [Window(at(0), at(1) + 7 * MINUTE), Window(at(1) + 7 * MINUTE, at(SPAN_HOURS))]
            if not rule.spreads:
                parts = [sums(cost(store, half, ("pod",), BOOK, rule=rule), "pod") for half in halves]
                added = {k: sum(p.get(k, Decimal(0)) for p in parts) for k in {k for p in parts for k in p}}
                assert added == sums(answer, "pod")


def test_by_dominant_part_who_takes_the_memory_pays_for_the_gpus_that_it_blocks(
    tmp_path: Path,
) -> None:
    """Three quarters of a node's memory block three quarters of it, however few GPUs are held."""
    devices = [*(device(f"g{i}", at(0), time=at(2)) for i in range(8)), *HOST[:1]]
    devices.append(device("n/memory", at(0), resource="memory", quantity=512 * GIB, time=at(2), gpu_model=""))
    held = [allocation(f"g{i}", "a", at(0), at(1)) for i in range(2)]
    held += [
        allocation("n/memory", "a", at(0), at(1), (3, 4)),
        allocation("n/cpu", "a", at(0), at(1), (1, 2)),
    ]
    held += [allocation("g2", "b", at(0), at(1)), allocation("n/cpu", "c", at(1), at(2))]
    book = PriceBook("own", (Price("gpu", (), Decimal(1), "USD"),))
    with plain_store(str(tmp_path), devices=devices, allocations=held) as store:
        rule = CostRule(Method.dominant)
        first, then = (
            sums(cost(store, Window(at(h), at(h + 1)), ("pod",), book, rule=rule), "pod") for h in (0, 1)
        )
        assert first == {("a",): 6, ("b",): 1, ("cluster_idle",): 1}
        assert then == {("c",): 8}


def priced(resource: str, unit_hour: str) -> Price:
    return Price(resource, (("resource", resource),), Decimal(unit_hour), "USD")


def test_a_resource_with_a_price_of_its_own_costs_that(tmp_path: Path) -> None:
    """Where a provider bills cores, GiB and disks beside the GPU, the sum is its bill's."""
    devices = [
        device("g", at(0), time=at(2), gpu_model="NVIDIA L4"),
        device("n/cpu", at(0), resource="cpu", quantity=16_000, time=at(2), gpu_model=""),
        device("n/memory", at(0), resource="memory", quantity=64 * GIB, time=at(2), gpu_model=""),
        device("disk", at(0), resource="volume", quantity=100 * GIB, time=at(2), gpu_model="", node=""),
        device("lb", at(0), resource="load_balancer", time=at(2), gpu_model="", node=""),
    ]
    holders = [
        allocation("n/cpu", "a", at(0), at(2), (4_000, 16_000)),
        allocation("n/memory", "a", at(0), at(1), (16 * GIB, 64 * GIB)),
        allocation("disk", "b", at(0), at(2)),
    ]
    book = PriceBook(
        "own", (
            Price("gpu", (("gpu_model", "L4"),), Decimal("0.5"), "USD"),
            priced("cpu", "0.03"), priced("memory", "0.004"), priced("volume", "0.0001"),
        ),
    )  # fmt: skip
    with plain_store(str(tmp_path), devices=devices, allocations=holders) as store:
        answer = cost(store, Window(at(0), at(2)), ("resource", "pod"), book, rule=CostRule(Method.datadog))
        assert sums(answer, "resource", "pod") == {
            ("gpu", "cluster_idle"): Decimal("1"),
            ("cpu", "a"): Decimal("0.24"),
            ("cpu", "cluster_idle"): Decimal("0.72"),
            ("memory", "a"): Decimal("0.064"),
            ("memory", "cluster_idle"): Decimal("0.448"),
            ("volume", "b"): Decimal("0.02"),
        }
        lines = {row[:2]: row for row in answer.rows}
        total = [c.name for c in answer.columns].index("total_cost")
        assert lines["load_balancer", "cluster_idle"][total] is None, "unpriced is not free"
        assert any(note.startswith("2 hours of CPUs, memory, volumes") for note in answer.notes)
        assert any("resource: load_balancer" in note for note in answer.notes)
        hours = [c.name for c in answer.columns].index("unallocated_gpu_hours")
        assert answer.total is not None and answer.total[hours] == 2, "a core's hour is no GPU-hour"


def test_a_volume_without_a_price_does_not_look_free(tmp_path: Path) -> None:
    """A script that asks `cost` or `budgets` would take the sum for the whole bill."""
    named = {"resource": "volume", "quantity": 100 * GIB, "gpu_model": ""}
    held = [allocation("g", "a", at(0), at(2), team="t"), allocation("disk", "a", at(0), at(2), team="t")]
    devices = [device("g", at(0), time=at(2)), device("disk", at(0), time=at(2), **named)]
    book = PriceBook("l4", (Price("l4", (("gpu_model", "L4"),), Decimal(1), "USD"),))
    with ledger(tmp_path / "s", devices=devices, allocations=held) as store:
        plan = Budget("b", (("team", "t"),), Decimal(100), "USD")
        answer = budgets(store, [plan], at(3), 0, book)
        (row,) = answer.named()
        assert (row["spent"], row["unpriced_gpu_hours"], row["unpriced_other_hours"]) == (2, 0, 2)
    (tmp_path / "p.yaml").write_text(
        "version: l4\ncurrency: USD\nprices: [{match: {gpu_model: L4}, gpu_hour: 1}]"
    )
    asked = ["cost", "-s", str(tmp_path / "s"), "--prices", str(tmp_path / "p.yaml")]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 7, done.output


def test_the_price_of_the_gpus_is_the_nodes_where_nothing_splits_it(tmp_path: Path) -> None:
    """Whoever bills GPUs by instance price sees no line for what that price already pays."""
    with plain_store(str(tmp_path), devices=[*GPUS, *HOST[:3]]) as store:
        answer = cost(store, WINDOW, ("resource",), BOOK)
        assert set(sums(answer, "resource")) == {("gpu",)}
        assert not [note for note in answer.notes if "no price" in note]


def test_a_row_for_gpus_never_prices_cores(tmp_path: Path) -> None:
    """`{provider: aws} at 2.00` is a GPU's price; a core at 2.00 would be a hundred times its cost."""
    for key, text in {
        "unit_hour": "- {match: {resource: cpu}, gpu_hour: 1}",
        "resource": "- {match: {resource: fpga}, unit_hour: 1}",
    }.items():
        (tmp_path / "book.yaml").write_text(f"version: x\nprices:\n  {text}\n")
        with pytest.raises(ConfigError) as wrong:
            PriceBook.load(tmp_path / "book.yaml")
        assert wrong.value.key.endswith(key)
    (tmp_path / "book.yaml").write_text(
        "version: x\nprices:\n  - {match: {cluster: c}, gpu_hour: 2}\n"
        "  - {match: {cluster: c, resource: volume}, unit_month: 73}\n"
        "discounts:\n  - {match: {cluster: c}, percent: 10}\n"
    )
    disk = device("disk", at(0), resource="volume", quantity=3 * GIB, time=at(1), node="", gpu_model="")
    with plain_store(str(tmp_path), devices=[*HOST[3:], disk]) as store:
        answer = cost(store, Window(at(0), at(1)), ("resource",), PriceBook.load(tmp_path / "book.yaml"))
        assert sums(answer, "resource") == {("volume",): Decimal("0.27")}
        assert any("resource: cpu" in note for note in answer.notes)


@pytest.mark.parametrize("form", ["yaml", "csv"])
def test_an_instance_without_gpus_costs_its_price(tmp_path: Path, form: str) -> None:
    """A CPU-only node had no price at all from the list of instances; its memory is in that price."""
    file = tmp_path / f"book.{form}"
    file.write_text(
        "version: x\nprices:\n  - {match: {instance_type: m5.2xlarge}, instance_hour: 0.384, cpu_count: 8}\n"
        if form == "yaml"
        else "InstanceID,AssetClass,InstanceType,MarketPriceHourly,CpuCount\n,node,m5.2xlarge,0.384,8\n"
    )
    of = {"time": at(2), "gpu_model": "", "instance_type": "m5.2xlarge"}
    host = [
        device("n/cpu", at(0), resource="cpu", quantity=8_000, **of),
        device("n/memory", at(0), resource="memory", quantity=31 * GIB, **of),
    ]
    held = [allocation("n/cpu", "a", at(0), at(2), (2_000, 8_000))]
    with plain_store(str(tmp_path), devices=host, allocations=held) as store:
        found = sums(cost(store, Window(at(0), at(2)), ("pod",), PriceBook.load(file)), "pod")
    assert found == {("a",): Decimal("0.192"), ("cluster_idle",): Decimal("0.576")}


def test_a_windows_node_is_not_billed_at_the_price_of_linux(tmp_path: Path) -> None:
    """Windows costs more, and the nearest wrong price is no price; the remedy names the row to write."""
    linux = Price("linux", (("gpu_model", "L4"),), Decimal(2), "USD")
    windows = Price("windows", (("gpu_model", "L4"), ("os", "windows")), Decimal(3), "USD")
    gpus = [device("a", at(0), time=at(1), os="windows"), device("b", at(0), time=at(1), os="linux")]
    with plain_store(str(tmp_path), devices=gpus) as store:
        answer = cost(store, Window(at(0), at(1)), ("device",), PriceBook("x", (linux,)))
        assert sums(answer, "device") == {("b",): Decimal(2)}
        assert any("os: windows" in note for note in answer.notes)
        both = cost(store, Window(at(0), at(1)), ("device",), PriceBook("x", (linux, windows)))
        assert sums(both, "device") == {("a",): Decimal(3), ("b",): Decimal(2)}
        flat = cost(store, Window(at(0), at(1)), ("device",), PriceBook.flat(Decimal(5), "USD"))
        assert sums(flat, "device") == {("a",): Decimal(5), ("b",): Decimal(5)}


@pytest.mark.parametrize(
    ("method", "cpu"),
    [
        (Method.allocation, Decimal(1)), (Method.datadog, Decimal("0.6")),
        (Method.aws_split, Decimal("0.6923")), (Method.opencost, Decimal("0.6510")),
    ],
)  # fmt: skip
def test_an_instance_without_gpus_is_split_over_its_cores_and_memory(
    tmp_path: Path, method: Method, cpu: Decimal
) -> None:
    """Datadog's 60 : 40, AWS's 9 : 1 a core and GiB: who takes all of the memory has it for nothing else."""
    (tmp_path / "book.yaml").write_text(
        "version: x\nprices:\n  - {match: {instance_type: m5.2xlarge}, instance_hour: 1, cpu_count: 8}\n"
        "  - {match: {cluster: other, resource: cpu}, unit_hour: 1}\n"
    )
    of = {"time": at(1), "gpu_model": "", "instance_type": "m5.2xlarge"}
    host = [
        device("n/cpu", at(0), resource="cpu", quantity=8_000, **of),
        device("n/memory", at(0), resource="memory", quantity=32 * GIB, **of),
    ]
    # Its cores have a price of their own and its memory has none: that is no price of an instance.
    host += [one | {"cluster": "other", "instance_type": "mine"} for one in host]
    book = PriceBook.load(tmp_path / "book.yaml")
    with plain_store(str(tmp_path), devices=host) as store:
        answer = cost(store, Window(at(0), at(1)), ("cluster", "resource"), book, rule=CostRule(method))
    found = sums(answer, "cluster", "resource")
    assert found["c", "cpu"] + found.get(("c", "memory"), 0) == 1
    assert found["c", "cpu"].quantize(Decimal("0.0001")) == cpu
    assert found["other", "cpu"] == 8 and ("other", "memory") not in found
    assert any("resource memory" in note for note in answer.notes), "unpriced is unpriced"
