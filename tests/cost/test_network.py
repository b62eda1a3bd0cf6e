"""What the network costs: bytes by class as surely as they are known, priced by dated rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.network_classes import CLASSES
from pipeline.answers.answer import Answer
from pipeline.answers.network import GIB, network
from pipeline.answers.network_outcomes import network_outcomes
from pipeline.answers.network_split import Sent, split
from pipeline.answers.window import Window
from pipeline.errors import ConfigError
from pipeline.ownership.rules import Owner, Ownership, Rule
from pipeline.prices.book import PriceBook
from pipeline.store import Batch, Store
from pipeline.yaml_file import document
from tests.cost_rows import device, table
from tests.examples import examples
from tests.ledger import START

HOURS = Window(START, START + timedelta(hours=2))
PRICES = """
version: t
network:
- {class: cross_zone, gib: "0.02"}
- {class: internet, gib: "0.09"}
- {class: internet, gib: "0.05", match: {provider: aws}}
"""
SENT = st.builds(
    Sent,
    st.sampled_from(CLASSES),
    st.sampled_from(["", "cadvisor", "retina"]),
    *[st.integers(0, 50)] * 3,
    st.integers(0, 1 << 44),
).map(lambda s: s if s.method else Sent(s.kind, "", s.flows, s.connections, s.dropped, 0))


def book(text: str) -> PriceBook:
    from pipeline.prices.reading import parse

    return PriceBook.of(parse(document(text, as_text=True)))


def sent(workload: str, kind: str, hour: int = 0, method: str = "", **sums: int) -> dict[str, Any]:
    row = {"minute": START + timedelta(hours=hour), "cluster": "c", "namespace": "ns", "workload": workload}
    counts = dict.fromkeys(("flows", "connections", "dropped", "bytes"), 0)
    return {**row, "class": kind, "method": method, **counts, **sums}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterable[Store]:
    rows = [
        sent("retina", "internet", method="retina", bytes=GIB, flows=3, connections=1),
        sent("retina", "internet", 1, method="retina", bytes=GIB),
        sent("retina", "unknown", method="cadvisor", bytes=9 * GIB),
        sent("total", "same_zone", connections=3, flows=6),
        sent("total", "internet", connections=1, flows=2, dropped=1),
        sent("total", "unknown", method="cadvisor", bytes=4 * GIB),
        sent("lost", "unknown", method="cadvisor", bytes=GIB),
        sent("silent", "cross_zone", connections=7, flows=7),
        sent("far", "cross_region", method="retina", bytes=GIB),
    ]
    with Store.open(tmp_path_factory.mktemp("network")) as store:
        place = device("GPU-a", START, provider="aws", region="us-east-1")
        facts = {"network_usage": table("network_usage", rows), "devices": table("devices", [place])}
        store.append(Batch(facts))
        yield store


def told(answer: Answer, *columns: str) -> list[tuple[Any, ...]]:
    names = [c.name for c in answer.columns]
    return [tuple(row[names.index(c)] for c in columns) for row in answer.rows]


def test_each_byte_is_priced_as_surely_as_it_is_known(ledger: Store) -> None:
    """A cost that hides that it was guessed is defended in front of finance, once."""
    answer = network(ledger, HOURS, ("workload", "class", "basis"), book(PRICES))
    found = {
        row[:3]: row[3:]
        for row in told(answer, "workload", "class", "basis", "cost", "cost_low", "cost_high")
    }
    cents = {key: tuple(None if v is None else float(v) for v in values) for key, values in found.items()}
    assert cents == {
        ("retina", "internet", "measured"): (0.10, 0.10, 0.10),
        ("total", "same_zone", "estimated"): (0.0, 0.0, 0.15),
        ("total", "internet", "estimated"): (0.05, 0.0, 0.05),
        ("lost", "unknown", "unplaced"): (None, None, None),
        ("silent", "cross_zone", "no_bytes"): (None, None, None),
        ("far", "cross_region", "measured"): (None, None, None),
    }
    assert answer.total is not None
    assert answer.total[3:5] == (Decimal(8), Decimal("0.15")) and answer.total[5:7] == (None, None)
    assert answer.total[7] == Decimal(2)
    assert any("2.000000 GiB have no price" in note for note in answer.notes)


def test_bytes_that_nobody_placed_cost_between_the_cheapest_and_the_dearest_of_all_classes(
    ledger: Store,
) -> None:
    """An interval over too few classes would look surer than anyone can be."""
    prices = [("same_zone", 4), ("cross_zone", 2), ("cross_region", 1), ("internet", 9)]
    rows = "".join(f"- {{class: {name}, gib: {gib}}}\n" for name, gib in prices)
    assert {name for name, _ in prices} == set(CLASSES) - {"unknown"}
    answer = network(ledger, HOURS, ("workload", "basis"), book(f"version: t\nnetwork:\n{rows}"))
    found = {row[:2]: row[2:] for row in told(answer, "workload", "basis", "cost", "cost_low", "cost_high")}
    assert found["lost", "unplaced"] == (None, Decimal(1), Decimal(9))


def test_what_became_of_traffic_is_told_by_workload(tmp_path: Path) -> None:
    """Who is paged for errors or DNS that is slow asks which workload, which code, and how long."""

    def row(workload: str, outcome: str, events: int, seconds: str = "0", timed: int = 0) -> dict[str, Any]:
        names = {"minute": START, "cluster": "c", "namespace": "ns", "workload": workload, "protocol": "HTTP"}
        return names | {
            "outcome": outcome,
            "events": events,
            "timed": timed,
            "latency_seconds": Decimal(seconds),
        }

    late = row("api", "500", 100) | {"minute": START + timedelta(days=9)}
    rows = [
        row("api", "200", 6, "1.5", 5),
        row("api", "500", 3),
        row("web", "dropped POLICY_DENIED", 1),
        late,
    ]
    with Store.open(tmp_path) as store:
        assert network_outcomes(store, HOURS).rows == ()
        store.append(Batch({"network_outcomes": table("network_outcomes", rows)}))
        answer = network_outcomes(store, HOURS)
        assert told(answer, "workload", "outcome", "events", "share", "latency_seconds") == [
            ("api", "200", 6, Decimal("0.6"), Decimal("0.3")),
            ("api", "500", 3, Decimal("0.3"), None),
            ("web", "dropped POLICY_DENIED", 1, Decimal("0.1"), None),
        ]
        assert network_outcomes(store, HOURS, ("workload",)).rows[0][1:] == (
            9, Decimal("0.9"), Decimal("0.3"), 5,
        )  # fmt: skip
        with pytest.raises(ConfigError):
            network_outcomes(store, HOURS, ("class",))


def test_a_price_and_an_owner_hold_from_their_hour_on(ledger: Store) -> None:
    """The old month must not change with a new contract."""
    dated = book(
        PRICES + '- {class: internet, gib: "1", match: {provider: aws}, valid_from: 2026-11-24T01:00Z}\n'
    )
    ours = Owner(team="ours")
    owners = Ownership("o", (Rule((("workload", "retina"),), ours, START + timedelta(hours=1)),))
    answer = network(ledger, HOURS, ("workload", "team"), dated, owners=owners)
    found = {row[:2]: row[2] for row in told(answer, "workload", "team", "cost")}
    assert datetime(2026, 11, 24) == START
    assert found["retina", "unowned"] == Decimal("0.05") and found["retina", "ours"] == Decimal(1)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(SENT, max_size=8))
def test_the_parts_sum_to_what_one_source_told(rows: list[Sent]) -> None:
    """Two sources of the same bytes must not bill them twice, and an estimate must not lose any."""
    parts = split(rows)
    told_by = {part.method for part in parts}
    assert len(told_by) <= 1
    whole = sum(row.bytes for row in rows if row.method in told_by)
    assert sum(part.bytes or 0 for part in parts) == whole
    assert any(row.bytes for row in rows) == any(part.bytes for part in parts)
    counted = [row for row in rows if not row.method]
    if counted:
        assert sum(part.connections for part in parts) == sum(row.connections for row in counted)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{class: space, gib: 1}", "network[0].class"),
        ("{class: internet, gib: -1}", "network[0].gib"),
        ("{class: internet, gib: 1, match: {node: x}}", "network[0].match"),
        ("{class: internet, gib: 1, valid_from: 2026-01-01T00:30Z}", "network[0].valid_from"),
    ],
)
def test_a_wrong_row_is_named(row: str, says: str) -> None:
    """A typing error in a price must not become a bill."""
    with pytest.raises(ConfigError, match=says.replace("[", r"\[").replace("]", r"\]")):
        book(f"version: t\nnetwork:\n- {row}\n")


def test_two_rows_for_the_same_traffic_are_no_price(ledger: Store) -> None:
    """Which of two prices holds must not hang on their order."""
    twice = PRICES + '- {class: internet, gib: "0.07", match: {region: us-east-1}}\n'
    with pytest.raises(ConfigError, match="both hold"):
        network(ledger, HOURS, ("class",), book(twice))
