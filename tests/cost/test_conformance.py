"""Worked cases of shared, cut and idle GPUs, asked as a user asks: the money is computed by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import page
from tests.conformance.asking import ask
from tests.conformance.case import Case
from tests.conformance.cases import CASES, IDLE, METHODS

Answer = dict[str, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    return ask(tmp_path_factory.mktemp("cases"), CASES)


def _paid(lines: dict[str, dict[str, Any]]) -> dict[str, Decimal]:
    return {pod: Decimal(line["total_cost"]) for pod, line in lines.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_pod_pays_what_the_case_says(answer: Answer, case: Case) -> None:
    """Whoever doubts a bill can bring such a case of his own, and ask the same way."""
    lines = answer[case.name]
    assert _paid(lines) == {pod: Decimal(amount) for pod, amount in case.pays.items()}
    for pod, columns in case.shows.items():
        assert {name: Decimal(lines[pod][name]) for name in columns} == {
            name: Decimal(value) for name, value in columns.items()
        }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_costs_its_cards_and_nothing_else(answer: Answer, case: Case) -> None:
    cards = {row["device"] for row in case.devices if "parent_device" not in row}
    price = Decimal(case.price) * (100 - Decimal(case.discount or 0)) / 100
    assert sum(_paid(answer[case.name]).values()) == len(cards) * price


def test_idle_time_spread_by_weight_is_opencosts_formula(tmp_path: Path) -> None:
    assert _paid(ask(tmp_path, [IDLE], "--set", "cost.idle=weighted")[IDLE.name]) == {
        pod: Decimal(amount) for pod, amount in IDLE.pays.items()
    }


@pytest.mark.parametrize("case", METHODS, ids=lambda case: case.name)
def test_a_nodes_price_is_split_as_others_split_it(tmp_path: Path, case: Case) -> None:
    """Who moves here from another tool sees its numbers first; the lines still sum to the node's price."""
    paid = _paid(ask(tmp_path, [case], "--set", f"cost.method={case.name}")[case.name])
    assert paid == {pod: Decimal(amount) for pod, amount in case.pays.items()}
    assert sum(paid.values()) == 8 * Decimal(case.price)


def test_the_page_shows_these_cases() -> None:
    """A page that nobody keeps would promise what no longer holds."""
    assert page.PATH.read_text() == page.text(), "run: python -m tests.conformance.page"
