"""Every line of a closed month is walked down to intervals that sum to it, also what nobody held."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipeline.answers import cost_hours
from pipeline.answers.cost import cost
from pipeline.answers.cost_tenants import DIFFERENCE
from pipeline.answers.window import month
from pipeline.months.charge import BY
from pipeline.months.charge import usage as usage_of
from pipeline.months.explain import explain
from pipeline.months.inputs import Inputs
from pipeline.months.walk import Piece, walk
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.prices.price import Price
from pipeline.settings.cost import CostRule, Method, Spread
from pipeline.store import Batch, Store
from tests.cost_rows import allocation, device, table
from tests.months.months_scene import closed, usage

START, END = datetime(2026, 1, 5), datetime(2026, 1, 6)
NOON = datetime(2026, 1, 5, 12)
BOOK = PriceBook(
    "b",
    (
        Price("first", (), Decimal("3.333333333"), "USD", valid_to=NOON),
        Price("second", (), Decimal(7), "USD", valid_from=NOON),
    ),
)
RULES = {
    "weighted": CostRule(idle=Spread.weighted, shared=Spread.weighted),
    "usage": CostRule(Method.usage, Spread.weighted, Spread.even),
    "dominant": CostRule(Method.dominant, Spread.weighted),
    "chosen": CostRule(idle=Spread.weighted, methods="red=usage"),
}


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A day: red and blue share a until blue leaves; blue has a slice of b; c serves all, and then nobody."""
    store = Store.open(tmp_path_factory.mktemp("explained"))
    parts = {"parent_device": "b", "mig_profile": "3g.20gb", "gpu_model": "NVIDIA A100-SXM4-40GB"}
    devices = [device(name, START, END) for name in "abc"]
    devices.append(device("b/3g", START, END, **parts))
    held = [
        allocation("a", "red1", START, END, (1, 3), team="red", workload="Job/r"),
        allocation("a", "blue1", START, hour(9.5), (1, 3), team="blue", workload="Job/b"),
        allocation("b/3g", "blue2", hour(2), END, team="blue", namespace=""),
        allocation("c", "driver", START, hour(20), team="", namespace="gpu-operator", workload="DaemonSet/d"),
    ]
    store.append(Batch({"devices": table("devices", devices), "allocations": table("allocations", held)}))
    with store.transaction() as con:
        for name, busy in (("a", 1800), ("b/3g", 1200), ("c", 0)):
            usage(con, name, START, END, busy)
        con.execute("UPDATE gpu_usage SET busy_seconds = 900 WHERE minute = '2026-01-05 03:00'")
    with store:
        yield store


@pytest.mark.parametrize("name", ["usage", "dominant", "chosen"])
def test_own_time_and_shares_are_what_each_line_is_charged(ledger: Store, name: str) -> None:
    """By each kind of rule, to the billionth; and what is in a pool is what the pool comes to."""
    rule, span = RULES[name], month(2026, 1)
    with ledger.steady():
        answer = cost(ledger, span, BY, BOOK, "USD", rule)
        charges = [c for c in usage_of(answer.named(), span.start, "USD") if c.team != DIFFERENCE]
        basis = cost_hours.basis(ledger, span, BOOK, "USD", rule, Ownership())
        for one in rule.all:
            own = [c for c in charges if rule.of_team(c.team) == one]
            found = walk(basis, one, {c.key for c in own}, len(charges))
            shares = sum(nano(pieces, 0) for pieces in found.shares.of.values())
            times = sum(nano(p, 1) for c in own for p in found.own[c.key].of.values())
            assert times + shares == sum((c.cost or Decimal(0) for c in own), Decimal(0)).scaleb(9) > 0
            assert (shares > 0) is one.spreads or name == "chosen"
            for place, pieces in found.shares.of.items():
                in_pool = sum(nano(p, 1) for p in found.members[place].of.values())
                assert in_pool == nano(pieces, 1) > 0, place
                assert all(p.sums[2] <= p.sums[3] for p in pieces)


def nano(pieces: list[Piece], at: int) -> int:
    return sum(piece.sums[at] for piece in pieces)


def test_a_line_s_part_of_what_nobody_held_names_rule_pool_and_hours(ledger: Store) -> None:
    """Finance disputes idle time: by which rule, of how much, by what weight, which hours of which card."""
    folder, rule = ledger.location.folder, RULES["weighted"]
    closed(ledger, 1, Inputs(BOOK, rule=rule), accept_gaps=True)
    told = {}
    for team in ("blue", "cluster_idle"):
        rows = explain(ledger, lambda n: Store.open(folder, snapshot=n), month(2026, 1), team).named()
        told[team] = {kind: [r for r in rows if r["kind"] == kind] for kind in {r["kind"] for r in rows}}
        assert total(told[team], "time", "share") == total(told[team], "usage")
        assert {row["source"] for row in told[team]["usage"]} == {rule.id}
    blue = told["blue"]
    assert total(blue, "share") > 0 and {row["source"] for row in blue["share"]} == {rule.id}
    said = (
        "of 8.888888888 for time that nobody held in c, as its own time cost 2.222222222 of the 4.444444444"
    )
    assert said in blue["share"][0]["what"]
    assert {(r["device"], r["what"]) for r in blue["pool"]} == {
        ("a", "held by nobody"), ("b", "held by nobody"), ("b", "left over beside partitions"),
        ("c", "held by nobody"), ("c", "shared gpu-operator DaemonSet/d"),
    }  # fmt: skip
    last = max((r for r in blue["time"] if r["device"] == "a"), key=lambda row: row["start"])
    assert (last["start"], last["end"], last["gpu_hours"]) == (hour(9), hour(10), Decimal("0.166667"))
    assert {row["what"] for row in told["cluster_idle"]["time"]} == {"held by nobody; all holders pay for it"}
    partition = [row for row in blue["held"] if row["device"] == "b"]
    assert partition and partition[0]["start"] == hour(2), "a slice of a card is held too"
    assert {row["price"] for row in blue["time"]} == {"3.333333333", "7"}


def total(rows: dict[str, list[dict[str, Any]]], *kinds: str) -> Decimal:
    return sum((row["cost"] for kind in kinds for row in rows.get(kind, [])), Decimal(0))
