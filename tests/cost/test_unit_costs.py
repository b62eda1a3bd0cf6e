"""What an answer costs: each number beside a plain calculation from what was served and paid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import exponential
from detectors.intervals import wilson
from pipeline.answers import unit_price
from pipeline.answers.cost import cost
from pipeline.answers.unit_costs import unit_costs
from pipeline.answers.window import Window
from pipeline.judge import tick
from pipeline.prices import PriceBook
from pipeline.registry import register
from pipeline.settings.cost import CostRule, Spread
from pipeline.store import Store
from tests import cost_rows
from tests.detect.judged import reference
from tests.ledger import MINUTE, START, Life, write

HOURS = 4
SPAN = Window(START, START + timedelta(hours=HOURS))
TWO_DOLLARS = PriceBook.flat(Decimal(2), "USD")
PER_MINUTE = 20


def index(seconds: float) -> int:
    """The latency bucket that holds it."""
    return int(exponential.index(np.array([seconds]))[0])


def _gpus() -> dict[str, Any]:
    """Version 1 has a card for all hours, version 2 one for the last two, and one card is free."""
    end = SPAN.end
    devices = [cost_rows.device(name, START, end) for name in "abc"]
    late = START + timedelta(hours=2)
    held = [
        cost_rows.allocation("a", "p1", START, end, model="fraud", model_version="1"),
        cost_rows.allocation("b", "p2", late, end, model="fraud", model_version="2"),
    ]
    used = cost_rows.minutes("a", START, end, 30)
    return {
        name: cost_rows.table(name, rows).to_pylist()
        for name, rows in (("devices", devices), ("allocations", held), ("gpu_usage", used))
    }


@pytest.fixture(scope="module")
def life() -> Life:
    return Life().serve("1", 0, 240, error=0.1).serve("2", 120, 120, error=0.4, seconds=2.0)


@pytest.fixture(scope="module")
def store(life: Life, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("units")) as ledger:
        register(ledger, reference(), START.replace(tzinfo=UTC))
        write(ledger, **life.facts(), **_gpus())
        tick(ledger, SPAN.end - MINUTE)
        yield ledger


def _by_version(store: Store, **more: Any) -> dict[str, dict[str, Any]]:
    answer = unit_costs(store, SPAN, prices=TWO_DOLLARS, **more)
    names = [c.name for c in answer.columns]
    return {str(row[1]): dict(zip(names, row, strict=True)) for row in answer.rows}


def test_costs_say_how_complete_they_are_and_as_of_when(store: Store) -> None:
    """A page told costs of models that nobody had asked yet with `no data yet | completeness unknown`."""
    answer = unit_costs(store, SPAN, prices=TWO_DOLLARS)
    whole = cost(store, SPAN, prices=TWO_DOLLARS)
    assert answer.completeness == whole.completeness == Decimal("0.3333")  # one card of three was seen
    bare = unit_costs(store, Window(START - timedelta(hours=1), START), prices=TWO_DOLLARS)
    assert bare.as_of == whole.as_of is not None


def _cents(value: Fraction | float | Decimal) -> Decimal:
    return Decimal(round(Fraction(value) * 1_000_000)).scaleb(-6)


def test_a_thousand_answers_cost_what_the_card_cost(store: Store) -> None:
    """4,800 answers for 8 dollars, and 2,400 for 4."""
    found = _by_version(store)
    assert {v: (r["cost"], r["used_cost"], r["requests"]) for v, r in found.items()} == {
        "1": (Decimal(8), Decimal(4), 4_800), "2": (Decimal(4), Decimal(0), 2_400),
    }  # fmt: skip
    assert {r["cost_per_1k_requests"] for r in found.values()} == {_cents(Fraction(8, 4_800) * 1_000)}


def test_a_thousand_right_answers_cost_more_the_more_are_wrong(store: Store, life: Life) -> None:
    """This is the number that a cheap bad model cannot hide behind; its interval is that of its accuracy."""
    found = _by_version(store)
    for version, paid in (("1", 8), ("2", 4)):
        own = [row["label"] == "yes" for row in life.labels if row["prediction_id"].startswith(f"{version}-")]
        row, right = found[version], sum(own)
        assert (row["labelled"], row["accuracy"]) == (len(own), right / len(own))
        assert row["cost_per_1k_correct"] == _cents(Fraction(paid * 1_000, right))
        low, high = wilson(right, len(own))
        assert row["cost_per_1k_correct_low"] == _cents(paid * 1_000 / (Fraction(high) * len(own)))
        assert row["cost_per_1k_correct_high"] == _cents(paid * 1_000 / (Fraction(low) * len(own)))
        assert row["cost_per_1k_correct_low"] < row["cost_per_1k_correct"] < row["cost_per_1k_correct_high"]


def test_answers_in_time_are_those_within_the_objective(store: Store) -> None:
    """Version 2 takes two seconds of an allowed half: none of its answers was worth the money."""
    found = _by_version(store)
    assert (found["1"]["in_time"], found["1"]["cost_per_1k_in_time"]) == (
        4_800,
        found["1"]["cost_per_1k_requests"],
    )
    assert (found["2"]["in_time"], found["2"]["cost_per_1k_in_time"]) == (0, None)


@pytest.mark.parametrize(("objective", "surely"), [(0.45, 60), (0.5, 70)])
def test_a_bucket_that_holds_the_objective_makes_an_interval(
    objective: float, surely: int, tmp_path: Path
) -> None:
    """10 of 100 answers took 0.45 s, give or take a bucket: in time or not; 0.5 s is a bucket's edge.

    40 GPU-dollars a thousand times over 70 answers in time, or 60.
    """
    life = Life().serve("1", 0, 1, error=0.0, per_minute=100)
    slow = life.latency_bins[0] | {"count": 30, "bucket": index(2.0)}
    near = life.latency_bins[0] | {"count": 10, "bucket": index(0.449)}
    life.latency_bins = [life.latency_bins[0] | {"count": 60}, near, slow]
    life.prediction_sums[0] |= {"estimated_count": 100, "estimated_correct": Decimal("75.5")}
    held = [cost_rows.allocation("a", "p", START, SPAN.end, model="fraud", model_version="1")]
    card = [cost_rows.device("a", START, SPAN.end)]
    gpus = {n: cost_rows.table(n, r).to_pylist() for n, r in (("devices", card), ("allocations", held))}
    with Store.open(tmp_path) as store:
        register(store, reference(latency_objective_seconds=objective), START.replace(tzinfo=UTC))
        write(store, **life.facts(), **gpus)
        answer = unit_costs(store, SPAN, prices=PriceBook.flat(Decimal(10), "USD"))
    found = dict(zip([c.name for c in answer.columns], answer.rows[0], strict=True))
    assert found["cost_per_1k_in_time"] == unit_price.rounded(Fraction(40_000, 70))
    assert found["cost_per_1k_in_time_high"] == unit_price.rounded(Fraction(40_000, surely))
    assert found["cost_per_1k_correct_estimated"] == unit_price.rounded(Fraction(40_000 * 2, 151))
    # Wilson's interval of 75.5 in 100, by hand with z = 1.959964
    ends = [found[f"cost_per_1k_correct_estimated_{end}"] for end in ("low", "high")]
    assert [float(end) for end in ends] == pytest.approx([400 / 0.82882445, 400 / 0.66230886], rel=1e-5)


def test_drift_costs_what_right_answers_cost_more_since_it_began(store: Store, life: Life) -> None:
    """The finance partner's question: what did it cost that nobody noticed?"""
    found = _by_version(store)
    assert (found["1"]["drift_since"], found["1"]["cost_of_drift"]) == (None, None)
    since = found["2"]["drift_since"]
    assert START + timedelta(hours=2) <= since < SPAN.end
    minutes = int((SPAN.end - since) / MINUTE)
    first = f"2-{since:%d%H%M}"
    own = [
        row["label"] == "yes"
        for row in life.labels
        if row["prediction_id"].startswith("2-") and row["prediction_id"].rpartition("-")[0] >= first
    ]
    assert len(own) == minutes * PER_MINUTE
    paid = Fraction(2 * minutes, 60)
    per_right, at_baseline = paid / sum(own), paid / (len(own) * Fraction(9, 10))
    expected = (per_right - at_baseline) * sum(own)
    assert abs(found["2"]["cost_of_drift"] - _cents(expected)) <= Decimal("0.000001")
    assert found["2"]["cost_of_drift"] > 0
    # ratio of 0.6 to 0.9 in so many labels: its logarithm, give or take 1.96 standard errors (Katz)
    known = reference()
    right, base = sum(own), known.labelled - known.errors
    error = math.sqrt(1 / right - 1 / len(own) + 1 / base - 1 / known.labelled)
    ratio = (right / len(own)) / (base / known.labelled)
    ends = [float(paid) * (1 - ratio * math.exp(sign * 1.959964 * error)) for sign in (1, -1)]
    told = [float(found["2"][f"cost_of_drift_{end}"]) for end in ("low", "high")]
    assert told == pytest.approx(ends, rel=1e-5)


def test_the_cost_of_drift_is_told_by_team(store: Store) -> None:
    """Who pays for a worse version asks what it cost them; a team's part is its part of the cost."""
    answer = unit_costs(store, SPAN, ("team",), TWO_DOLLARS)
    (row,) = [row for row in answer.named() if row["model_version"] == "2"]
    whole = _by_version(store)["2"]
    assert row["team"] == "team-p"
    for name in ("drift_since", "cost_of_drift", "cost_of_drift_low", "cost_of_drift_high"):
        assert row[name] == whole[name] and whole[name]
    assert row["requests"] == whole["requests"] and any("which team" in note for note in answer.notes)


def test_idle_cost_is_part_of_the_price_where_the_rule_says_so(store: Store) -> None:
    """The two bases of a price: what the line pays, which reconciles with the bill, and what was used."""
    found = _by_version(store, rule=CostRule(idle=Spread.even))
    # 16 dollars of idle hours: three cards idle without version 2 for two hours, then one of three.
    assert found["1"]["cost"] + found["2"]["cost"] == Decimal(24)
    assert found["1"]["used_cost"] == Decimal(4)


def test_a_model_without_a_gpu_has_no_price_and_a_gpu_without_traffic_has_no_unit_cost(
    tmp_path: Path,
) -> None:
    """An unknown that is shown as zero would be the best model of all."""
    with Store.open(tmp_path) as ledger:
        write(ledger, **_gpus())
        found = _by_version(ledger)
        assert (found["1"]["cost"], found["1"]["cost_per_1k_requests"]) == (Decimal(8), None)
    with Store.open(tmp_path / "other") as ledger:
        write(ledger, **Life().serve("1", 0, 60, error=0.1).facts())
        row = _by_version(ledger)["1"]
        assert (row["requests"], row["cost"], row["cost_per_1k_requests"]) == (1_200, None, None)
        assert row["accuracy"] is not None and row["cost_per_1k_correct"] is None


money = st.integers(0, 10**15).map(lambda nano: Decimal(nano).scaleb(-9))
counts = st.integers(0, 10**9)


@given(
    money,
    counts,
    counts,
    st.none() | st.integers(0, 10**6).map(Decimal),
    st.none() | st.integers(0, 10**6).map(Decimal),
)
def test_tokens_in_and_out_pay_the_cost_between_them(
    cost: Decimal, read: int, written: int, prefill: Decimal | None, decode: Decimal | None
) -> None:
    """A split that loses or makes money would be found in the first reconciliation."""
    priced = unit_price.tokens(cost, read, written, prefill, decode)
    if not read + written:
        assert priced == (None, None, None)
    elif priced.basis == "2.5" or (read and written):
        paid = Fraction(priced.tokens_in or 0) * read + Fraction(priced.tokens_out or 0) * written
        assert abs(paid / 1_000_000 - Fraction(cost)) <= Fraction(read + written, 2 * 10**12)
    if priced.basis == "2.5" and priced.tokens_in and priced.tokens_out:
        assert abs(Fraction(priced.tokens_out) - Fraction(5, 2) * Fraction(priced.tokens_in)) < Fraction(
            1, 100_000
        )


@given(money, counts, st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 99))
def test_a_unit_cost_times_its_count_is_the_cost(
    cost: Decimal, count: int, right: int, labelled: int, baseline: int
) -> None:
    each = unit_price.per(cost, count, 1_000)
    assert (each is None) == (count == 0)
    if each is not None:
        assert abs(Fraction(each) * count / 1_000 - Fraction(cost)) <= Fraction(count, 2 * 10**9)
    lost = unit_price.of_drift(cost, min(right, labelled), labelled, baseline, 100)
    assert lost.value is not None and lost.low is not None and lost.high is not None
    assert 0 <= lost.low <= lost.value <= lost.high <= cost + Decimal("0.000001")


def test_what_one_team_alone_pays_for_is_that_teams_traffic(store: Store) -> None:
    """By team every price of an answer was empty, although each version had one payer."""
    whole, teams = _by_version(store), _by_version(store, by=("team",))
    for version, row in teams.items():
        assert row["team"] == "team-p" and row["requests"] == whole[version]["requests"]
        assert row["cost_per_1k_requests"] == whole[version]["cost_per_1k_requests"] is not None


def _told(version: str, counter: str, count: int, seconds: int = 0, at_most: str = "") -> dict[str, Any]:
    """What a server counted of it in a minute."""
    names = {"minute": START, "model": "fraud", "model_version": version, "counter": counter}
    return {**names, "at_most": at_most, "count": count, "seconds": Decimal(seconds)}


def test_tokens_that_servers_counted_have_a_price_by_what_was_held_and_by_what_was_used(
    tmp_path: Path,
) -> None:
    """Who compares a model of his own with an API's price does so by these four figures.

    Version 1 cost 8, 4 of it used; 100 of its 400 seconds came before the first token: a quarter of the cost
    is for 2 million tokens in.  Version 2 has no times: 0.4 million tokens out weigh as a million in.
    """
    counted = [
        _told("1", "requests", 1_000), _told("1", "tokens_in", 2_000_000), _told("1", "tokens_out", 500_000),
        _told("1", "time_to_first_token", 1_000, 100), _told("1", "latency", 1_000, 400),
        _told("1", "latency", 900, 300, at_most="0.5"),
        _told("2", "tokens_in", 1_000_000), _told("2", "tokens_out", 400_000), _told("2", "requests", 500),
    ]  # fmt: skip
    gpus = _gpus()
    late = cost_rows.minutes("b", START + timedelta(hours=2), SPAN.end, 30)
    gpus["gpu_usage"] += cost_rows.table("gpu_usage", late).to_pylist()
    with Store.open(tmp_path) as ledger:
        write(ledger, serving_counters=counted, **gpus)
        found = _by_version(ledger)
        logged = Life().serve("2", 0, 1, error=0.0)
        write(ledger, prediction_sums=logged.prediction_sums)
        assert _by_version(ledger)["2"]["requests"] == PER_MINUTE, "logged and counted are the same requests"
    priced = ("cost_per_1m_tokens_in", "cost_per_1m_tokens_out")
    names = (*priced, *(f"used_{name}" for name in priced), "cost_per_1k_requests")
    assert {v: [row[n] for n in names] for v, row in found.items()} == {
        "1": [Decimal(1), Decimal(12), Decimal("0.5"), Decimal(6), Decimal(8)],
        "2": [Decimal(2), Decimal(5), Decimal(1), Decimal("2.5"), Decimal(8)],
    }
    assert {v: (row["token_basis"], row["requests"]) for v, row in found.items()} == {
        "1": ("time", 1_000), "2": ("2.5", 500),
    }  # fmt: skip
