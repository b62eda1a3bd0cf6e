"""Laws of the cost answer on random clusters: parts of a window and lines of a device sum to the digit."""

from __future__ import annotations

import os
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory, mkstemp
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.answers.answer import Answer
from pipeline.answers.cost import cost
from pipeline.answers.cost_table import BUCKETS, NOBODYS
from pipeline.answers.money import in_cents, to_cents
from pipeline.answers.window import Window
from pipeline.lake import tables
from pipeline.lake.connect import METADATA
from pipeline.lake.location import Location
from pipeline.lake.session import Session
from pipeline.prices import PriceBook
from pipeline.prices.price import Price
from pipeline.settings.cost import CostRule, Method, Spread
from pipeline.store import Batch, Store
from tests.cost_rows import Row, allocation, at, device, minute, table
from tests.examples import examples

HOUR_US = 3_600_000_000
SPAN_HOURS = 4
MINUTE = timedelta(minutes=1)
BOOK = PriceBook(
    "two prices",
    (
        Price("early", (("gpu_model", "L4"),), Decimal("2.000000007"), "USD", valid_to=at(1.5)),
        Price("late", (("gpu_model", "L4"),), Decimal("1.1"), "USD", valid_from=at(1.5)),
    ),
)

instants = st.integers(0, SPAN_HOURS * HOUR_US).map(lambda us: at(0) + timedelta(microseconds=us))
aligned = st.integers(0, SPAN_HOURS * 60).map(lambda m: at(0) + m * MINUTE)
shares = st.sampled_from([(1, 1), (1, 2), (1, 3), (3, 4), (1, 7), (2, 7), (9984, 40320), (5, 17), (1, 1000)])
cards = st.sampled_from(["a", "b", "MIG-0", "MIG-1", "unlisted"])

INVENTORY = [
    device("a", at(0.25), at(1.3), time=at(4)),
    device("a", at(1.3), at(3.7), time=at(4), health="unhealthy"),
    device("b", at(0), time=at(4)),
    device("b", at(2), time=at(4), gpu_model="NVIDIA A10"),
    *(device(f"MIG-{i}", at(0), parent_device="g", mig_profile="3g.20gb", time=at(4)) for i in range(2)),
]


@st.composite
def held(draw: st.DrawFn, number: int) -> Row:
    a, b = sorted((draw(instants), draw(instants)))
    end = None if draw(st.booleans()) else b
    row = allocation(draw(cards), f"p{number}", a, end, draw(shares))
    namespace = draw(st.sampled_from(["ns", "ns", "ns", "kube-system"]))
    admin = draw(st.sampled_from([False, False, False, True]))
    return row | {"time": b, "admin_access": admin, "namespace": namespace}


@st.composite
def seen(draw: st.DrawFn) -> list[Row]:
    """A run of minutes alike."""
    name = draw(st.sampled_from(["a", "b", "g", "MIG-0", "MIG-1", "unlisted"]))
    busy = draw(st.integers(0, 60_000_000)) / 1e6
    active = draw(st.integers(0, 60))
    first, count = draw(st.integers(0, SPAN_HOURS * 60 - 90)), draw(st.integers(1, 90))
    times = [at(0) + (first + i) * MINUTE for i in range(count)]
    return [minute(name, time, busy, active, 60 - active, observed_seconds=60) for time in times]


allocations = st.integers(0, 7).flatmap(lambda n: st.tuples(*(held(i) for i in range(n))))
samples = st.lists(seen(), max_size=6).map(lambda runs: [row for run in runs for row in run])
cuts = st.lists(aligned, min_size=2, max_size=5, unique=True).map(sorted)


@cache
def _empty() -> bytes:
    """Of a database with all tables; to make them takes five times as long as to open this."""
    with TemporaryDirectory() as folder:
        with duckdb.connect(f"{folder}/empty.duckdb") as con, pytest.MonkeyPatch.context() as patch:
            # no lake's catalog says what is there
            patch.setattr(tables, "columns", lambda con: [])
            patch.setattr(tables, "views", lambda con: {})
            patch.setattr(tables.moved, "settled", lambda con: True)
            tables.create(con)
            con.execute(f"CREATE SCHEMA {METADATA}")  # nor how many rows it has
            con.execute(f"CREATE TABLE {METADATA}.ducklake_table_stats (record_count BIGINT)")
        return Path(folder, "empty.duckdb").read_bytes()


def plain_store(folder: str, **facts: Any) -> Store:
    """The ledger's tables in a plain database: the same SQL, without the time that a lake takes."""
    file, path = mkstemp(".duckdb", dir=folder)
    os.write(file, _empty())
    os.close(file)
    con = duckdb.connect(path, config={"threads": 1})  # for few rows more of them cost more than they give
    store = Store(Session(Location(Path(folder)), False, None, 1, con))
    store.append(Batch({name: table(name, rows) for name, rows in facts.items()}))
    return store


def lines(answer: Answer, keys: int) -> dict[tuple[Any, ...], tuple[Decimal, ...]]:
    """The costs of each line; None counts as none."""
    names = [c.name for c in answer.columns]
    places = [names.index(f"{n}_cost") for n in (*BUCKETS, "total")]
    return {row[:keys]: tuple(Decimal(str(row[i] or 0)) for i in places) for row in answer.rows}


@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(allocations, samples, cuts)
def test_a_window_cut_in_parts_costs_what_it_costs_whole(
    holders: tuple[Row, ...], usage: list[Row], edges: list[datetime]
) -> None:
    """Three weekly reports and one of the same three weeks must agree to the last digit, line by line."""
    with (
        TemporaryDirectory() as folder,
        plain_store(folder, devices=INVENTORY, allocations=holders, gpu_usage=usage) as store,
    ):
        by = ("device", "pod")
        whole = lines(cost(store, Window(edges[0], edges[-1]), by, BOOK), 2)
        parts: dict[tuple[Any, ...], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * (len(BUCKETS) + 1))
        for a, b in pairwise(edges):
            for key, costs in lines(cost(store, Window(a, b), by, BOOK), 2).items():
                parts[key] = [x + y for x, y in zip(parts[key], costs, strict=True)]
        assert {k: tuple(v) for k, v in parts.items() if any(v)} == {k: v for k, v in whole.items() if any(v)}


def test_a_window_within_an_hour_has_what_was_used_in_it(tmp_path: Path) -> None:
    """Who starts it and asks a minute later must not read that nothing was used."""
    usage = [minute("a", at(0.5) + n * MINUTE, 30, 30, 30) for n in range(20)]
    held = [allocation("a", "p", at(0.25), at(1), time=at(1))]
    with plain_store(str(tmp_path), devices=INVENTORY, allocations=held, gpu_usage=usage) as store:
        found = lines(cost(store, Window(at(0.55), at(0.75)), ("pod",), BOOK), 1)
        assert found[("p",)][BUCKETS.index("used")] > 0


def exact_card_cost(start: datetime, end: datetime) -> Decimal:
    """Price times time in each hour and price, cut to the billionth: what an L4 costs from the book."""
    total, a = 0, start
    while a < end:
        hour = a.replace(minute=0, second=0, microsecond=0)
        b = min(end, hour + timedelta(hours=1), at(1.5) if a < at(1.5) else datetime.max)
        nano = 2_000_000_007 if a < at(1.5) else 1_100_000_000
        total += nano * ((b - a) // timedelta(microseconds=1)) // HOUR_US
        a = b
    return Decimal(total).scaleb(-9)


@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(allocations, samples)
def test_the_lines_of_a_card_sum_to_its_price_times_its_time(
    holders: tuple[Row, ...], usage: list[Row]
) -> None:
    """Whoever held it, however it was shared: no second of a card is paid twice, and none is lost."""
    with (
        TemporaryDirectory() as folder,
        plain_store(folder, devices=INVENTORY, allocations=holders, gpu_usage=usage) as store,
    ):
        answer = cost(store, Window(at(0), at(SPAN_HOURS)), ("device", "pod", "hour"), BOOK)
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for (card, *_), (*parts, total) in lines(answer, 3).items():
            assert min(parts) >= 0
            assert sum(parts) == total
            sums[card] += total
        assert sums["a"] == exact_card_cost(at(0.25), at(3.7))
        assert sums["b"] == exact_card_cost(at(0), at(2))
        assert sums["g"] == exact_card_cost(at(0), at(SPAN_HOURS))
        names = [c.name for c in answer.columns]
        hours: dict[Any, Decimal] = defaultdict(Decimal)
        for row in answer.rows:
            for name in ("allocated_gpu_hours", "unallocated_gpu_hours"):
                hours[row[0]] += Decimal(str(row[names.index(name)]))
        assert hours["b"] == pytest.approx(Decimal(SPAN_HOURS), abs=Decimal("0.0001"))


rules = st.builds(CostRule, st.sampled_from(Method), st.sampled_from(Spread), st.sampled_from(Spread))


@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(allocations, samples, rules)
def test_whoever_pays_each_hour_of_a_cluster_costs_the_same(
    holders: tuple[Row, ...], usage: list[Row], rule: CostRule
) -> None:
    """A change of the rule moves money between teams; what was spent, and on what, is the bill's to say."""
    with (
        TemporaryDirectory() as folder,
        plain_store(folder, devices=INVENTORY, allocations=holders, gpu_usage=usage) as store,
    ):
        window, by = Window(at(0), at(SPAN_HOURS)), ("hour", "team")
        plain = lines(cost(store, window, by, BOOK), 2)
        spread = lines(cost(store, window, by, BOOK, rule=rule), 2)
        assert all(min(costs) >= 0 for costs in spread.values())
        for hour in {key[0] for key in plain}:
            before = {team: costs for (h, team), costs in plain.items() if h == hour}
            after = {team: costs for (h, team), costs in spread.items() if h == hour}
            was, is_ = ([sum(c) for c in zip(*of.values(), strict=True)] for of in (before, after))
            # By dominant parts a node's cost also moves between its used and its idle part.
            kept = slice(-1, None) if rule.method is Method.dominant else slice(None)
            assert was[kept] == is_[kept]
            payers = {t for t, c in before.items() if t not in NOBODYS and sum(c[:2]) > 0}
            # An hour in which the price changes is two, and its payers may all have held in one of them.
            if rule.idle is Spread.even and payers and hour != at(1):
                assert not any(any(c) for t, c in after.items() if t in NOBODYS)


@given(st.lists(st.integers(0, 10**12), max_size=40))
def test_cents_sum_to_the_cent(nanos: list[int]) -> None:
    """A statement whose lines do not add up to its total is sent back."""
    amounts = [Decimal(n).scaleb(-9) for n in nanos]
    whole = to_cents(sum(amounts, Decimal(0)))
    cents = in_cents(amounts, whole)
    assert sum(cents, Decimal(0)) == whole
    for amount, cent in zip(amounts, cents, strict=True):
        assert abs(Fraction(amount) - Fraction(cent)) < Fraction(1, 100)
