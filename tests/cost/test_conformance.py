"""Worked cases of shared, cut and idle GPUs, asked as a user asks: the money is computed by hand."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from pipeline.settings.cost import SPLITS, Method, Split
from tests.conformance import page
from tests.conformance.asking import ask, run
from tests.conformance.case import Case, card, of_node, pod
from tests.conformance.cases import AWS, CASES, IDLE, METHODS, TOLD

ALL = (*CASES, *TOLD)
Answer = dict[str, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    return ask(tmp_path_factory.mktemp("cases"), ALL)


def _paid(lines: dict[str, dict[str, Any]]) -> dict[str, Decimal]:
    return {pod: Decimal(line["total_cost"]) for pod, line in lines.items()}


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_each_pod_pays_what_the_case_says(answer: Answer, case: Case) -> None:
    """Whoever doubts a bill can bring such a case of his own, and ask the same way."""
    lines = answer[case.name]
    assert _paid(lines) == {pod: Decimal(amount) for pod, amount in case.pays.items()}
    if case.efficiency:
        worked, held = (sum(Decimal(line[f"{name}_gpu_hours"]) for line in lines.values())
                        for name in ("busy", "allocated"))  # fmt: skip
        assert 100 * worked / held == Decimal(case.efficiency)
    for who, columns in case.shows.items():
        assert {name: Decimal(lines[who][name]) for name in columns} == {
            name: Decimal(value) for name, value in columns.items()
        }


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_a_case_costs_its_cards_and_nothing_else(answer: Answer, case: Case) -> None:
    cards = {row.get("parent_device") or row["device"] for row in case.devices}
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


@pytest.mark.parametrize("case", AWS, ids=lambda case: case.name)
def test_aws_examples_come_out_to_the_cent(tmp_path: Path, case: Case) -> None:
    """Its pods use more than they reserve, and more than the node has: who comes from AWS compares these."""
    options = ("--set", "cost.method=aws-split", "--set", "cost.idle=weighted")
    paid = _paid(ask(tmp_path, [case], *options)[case.name])
    assert paid == {pod: Decimal(amount) for pod, amount in case.pays.items() if Decimal(amount)}
    stated = [Decimal(amount) for amount in case.opencost.split(", ")]
    assert [paid[f"p{n}"].quantize(Decimal("0.01")) for n in range(1, 5)] == stated


def test_the_example_of_opencosts_specification_is_so(tmp_path: Path) -> None:
    """Appendix A: prices of 30, 30 and 10 are scaled to a node of 35, and keep their ratio."""
    devices = [card("GPU-1"), of_node("cpu", 1_000), of_node("memory", 2**30)]
    held = [pod("gpu", "GPU-1"), pod("core", "n1/cpu"), pod("gib", "n1/memory")]
    case = Case("appendix-a", "", devices, held, {}, "", "", price="35")
    with patch.dict(SPLITS, {Method.opencost: Split(30, 30, 10)}):
        paid = _paid(ask(tmp_path, [case], "--set", "cost.method=opencost")[case.name])
    assert paid == {"gpu": 15, "core": 15, "gib": 5}


def test_the_case_that_the_page_on_cost_tells_step_by_step_is_so(tmp_path: Path) -> None:
    """Who writes a first case follows that page to the letter, and doubts the ledger where it differs."""
    told = (page.PATH.parent / "cost.md").read_text().partition("## A case of your own")[2]
    events, prices = (re.search(rf"```{form}\n(.*?)```", told, re.DOTALL) for form in ("json", "yaml"))
    assert events and prices
    (tmp_path / "case.jsonl").write_text(events[1])
    (tmp_path / "prices.yaml").write_text(prices[1])
    assert run("replay", "events", str(tmp_path / "case.jsonl"), "--store", str(tmp_path / "case"))
    asked = ("--by", "team", "--prices", str(tmp_path / "prices.yaml"), "--store", str(tmp_path / "case"))
    lines = json.loads(run("cost", *asked, "-o", "json"))["rows"]
    assert {line["team"]: line["total_cost"] for line in lines} == {
        "red": "1.250000000", "blue": "1.500000000", "cluster_idle": "2.250000000",
    }  # fmt: skip
    assert all(amount in told for amount in ("= 1.25, blue", "= 1.5, and 2.25 is cluster_idle"))


def test_the_page_shows_these_cases() -> None:
    """A page that nobody keeps would promise what no longer holds."""
    assert page.PATH.read_text() == page.text(), "run: python -m tests.conformance.page"
