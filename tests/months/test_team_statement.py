"""A team's statement has all that is its own, and names nobody else, though teams share what they run on."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipeline.answers.cost_notes import SCALED
from pipeline.answers.window import month
from pipeline.months.charge import BY, NO_COSTS, NO_HOURS, USAGE, Charge, rounded
from pipeline.months.draft import Draft
from pipeline.months.inputs import Inputs
from pipeline.prices import PriceBook
from pipeline.settings.cost import CostRule, Method, Spread
from reports import statement_html
from reports.method import method
from reports.statement import Extras, Statement, statement
from reports.team import of_team

SPAN = month(2026, 2)
PLACES = (
    ("red", "c", "ns", "Job/x", "fraud", "1"), ("blue", "c", "ns", "Job/y", "fraud", "1"),
    ("blue", "d", "ns", "Job/x", "secret", "7"), ("red", "c", "own", "Job/z", "churn", "2"),
)  # fmt: skip
"""Red and blue share a namespace of cluster c and a model version; in cluster d it is blue's alone."""


def charge(team: str, cluster: str, namespace: str, workload: str, model: str, version: str) -> Charge:
    key = dict.fromkeys(BY, "") | {
        "team": team, "cluster": cluster, "namespace": namespace, "workload": workload, "model": model,
        "model_version": version, "device": f"{team}-{workload}",
    }  # fmt: skip
    hours, costs = (Decimal(1), *NO_HOURS[1:]), (Decimal(2), *NO_COSTS[1:])
    return Charge(USAGE, SPAN.start, "USD", tuple(key.values()), hours, costs)


def action(cluster: str, namespace: str, workload: str, detail: str) -> dict[str, Any]:
    names = dict.fromkeys(("model", "model_version", "to_version", "outcome", "saved"))
    where = {"cluster": cluster, "namespace": namespace, "workload": workload}
    times = {"first": SPAN.start, "last": SPAN.start}
    return {**names, **where, **times, "kind": "freeze", "state": "executed", "detail": detail}


def unlike(where: str, **team: str) -> dict[str, Any]:
    numbers = {"cost": Decimal(90), "baseline": Decimal(10), "difference": Decimal(80)}
    return {"time": SPAN.start, **numbers, "driver": "volume", "where": where, **team}


@pytest.fixture(scope="module")
def whole() -> Statement:
    numbers = {"requests": 9, "cost_per_1k_requests": Decimal(1), "accuracy": None}
    unit = {**numbers, "cost_per_1k_correct": None, "cost_of_drift": None}
    budget = {"said": "", **{name: Decimal(9) for name in ("amount", "spent", "left")}}
    days = [SPAN.start, SPAN.start + timedelta(days=1)]
    extras = Extras(
        units=tuple(
            {**unit, "model": m, "model_version": v}
            for m, v in (("fraud", "1"), ("secret", "7"), ("churn", "2"))
        ),
        actions=(
            action("c", "own", "Job/z", "of red"), action("c", "own", "", "of red's namespace"),
            action("d", "ns", "Job/x", "of blue"), action("d", "ns", "", "of blue's namespace"),
            action("c", "ns", "", "of a shared namespace"),
        ),
        anomalies=(
            unlike("all on a100"), unlike("red on a100", team="red"), unlike("blue on l4", team="blue"),
        ),
        budgets=(
            {"budget": "one of red", "team": "r*", "teams": {"red"}, **budget},
            {"budget": "of both", "team": "*", "teams": {"red", "blue"}, **budget},
            {"budget": "one of blue", "team": "", "teams": {"blue"}, **budget},
        ),
        budgets_left_out=(
            {"budget": "quarter of red", "team": "red", "why": "of a quarter"},
            {"budget": "quarter of blue", "team": "blue", "why": "of a quarter"},
        ),
        days=tuple((day, team, Decimal(2)) for day in days for team in ("red", "blue")),
        quality=tuple(
            {"time": day, "model": m, "model_version": v, "accuracy": 0.9, "labelled": 100}
            for day in days for m, v in (("churn", "2"), ("secret", "7"))
        ),
        completeness={"red": Decimal("0.25"), "blue": Decimal(1)},
    )  # fmt: skip
    notes = (f"3 GPU-hours {SCALED}: c/a by ns/red-pod, vault/blue-pod", "prices: list")
    charges = tuple(rounded([charge(*place) for place in PLACES]))
    made = Draft(SPAN, Inputs(PriceBook("a", ())), charges, 1, None, Decimal("0.99"), "rule", notes)
    return replace(statement(made, extras), hash="f" * 64, closed_at=datetime(2026, 3, 4))


def test_it_names_nobody_else(whole: Statement) -> None:
    """Who reads a bill of his own must not learn what a neighbour runs."""
    page = statement_html.render(of_team(whole, "red"))
    assert not re.search("blue|secret|vault|red-pod|of both|shared namespace", page)
    assert "others pay for it too" in page and "fraud 1 costs" not in page.replace("fraud 1 costs is on", "")
    assert "9 GPU-hours" not in page and SCALED in page


def test_it_has_all_that_is_its_own(whole: Statement) -> None:
    page = statement_html.render(of_team(whole, "red"))
    for wanted in (
        "churn 2", "of red", "of red&#x27;s namespace", "red on a100", "one of red", "quarter of red is of a",
        "25.0%", "Day by day: cost", "right answers",
    ):  # fmt: skip
        assert wanted in page, wanted
    blue = statement_html.render(of_team(whole, "blue"))
    assert "of blue&#x27;s namespace" in blue and "secret 7" in blue and "100.0%" in blue


def test_the_whole_has_every_budget_and_its_own_unlike_days(whole: Statement) -> None:
    page = statement_html.render(whole)
    assert page.count("all on a100") == 1 and "blue on l4" not in page
    assert all(name in page for name in ("one of red", "of both", "one of blue", "quarter of blue is of a"))


@pytest.mark.parametrize("method_of", Method)
@pytest.mark.parametrize("spread", Spread)
def test_each_rule_is_told_in_a_sentence_of_its_own(
    whole: Statement, method_of: Method, spread: Spread
) -> None:
    """Who asks why he pays for idle time must find the rule that was used, not another."""
    rule = CostRule(method_of, idle=spread, shared=Spread.none)
    said = method(replace(whole, rule=f"{rule.id}/owners-1"))
    others = [method(replace(whole, rule=replace(rule, method=m).id)) for m in Method if m != method_of]
    assert all(said != other for other in others)
    idle = {"none": "no team pays", "weighted": "in proportion to their cost", "even": "by each alike"}[
        spread
    ]
    assert any(s.startswith("Time that nobody holds") and idle in s for s in said)
    assert any(s.startswith("Used is") for s in said) and not any(
        s.startswith("Not allocatable") for s in said
    )
