"""What actions saved, on a statement: a rollback by wrong answers, a ladder by what its namespace cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from detectors import accuracy
from pipeline.act.outcome import Compared, Outcome, evidence
from pipeline.act.outcome import Side as OutcomeSide
from pipeline.act.step_outcome import _evidence
from pipeline.answers.window import month
from pipeline.explain.effect import Effect, Side
from pipeline.facts.catalogue import FACTS
from pipeline.months.inputs import Inputs
from pipeline.prices import PriceBook
from pipeline.store import Store
from reports import statement_html
from reports.read import read
from reports.saved import Saved
from tests.cost_rows import allocation, at, device, ledger, minutes

FREEZE = Effect(
    Side("ns", at(0), at(3), Decimal(6)), Side("ns", at(3), at(6), Decimal(3)), "EUR", "namespace"
)
"""Two euro an hour, then one for three hours."""
BACK = Outcome((
    Compared("latency_objective", OutcomeSide("3", 100, 90), OutcomeSide("2", 50, 0)),
    Compared(accuracy.NAME, OutcomeSide("3", 100, 30), OutcomeSide("2", 50, 5)),
))  # fmt: skip
TOLD = {
    "back": evidence(BACK),
    "faster": evidence(Outcome(BACK.compared[:1])),
    "before": json.dumps({"before": {"count": 100, "errors": 30}, "after": {"count": 50, "errors": 5}}),
    "freeze": _evidence(FREEZE),
    "other": json.dumps({"before": {"start": "x"}, "after": 3}),
    "text": "no JSON",
    "list": "[]",
    "unknown": json.dumps({"saved": None, "currency": "EUR"}),
}
"""Evidence of an outcome, by its action."""
BACK_OF = ("back", "faster", "before")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Actions at the third hour, all told to have helped; version 2 serves 500 requests before and after."""
    where = {"cluster": "c", "namespace": "ns", "workload": "Job/x", "model": "fraud", "model_version": "2"}
    zeros = dict.fromkeys(FACTS["prediction_sums"].value_names, 0)
    sums = [
        {**zeros, **where, "reference": "", "count": 100, "minute": at(hour) + timedelta(minutes=i)}
        for hour in (1, 4)
        for i in range(5)
    ]
    action: dict[str, Any] = {
        **where, "state": "executed", "time": at(3), "policy": "p", "model_version": "3",
        "to_version": "2", "snapshot": 1, "evidence": "{}", "detail": "why", "revision": 1,
    }  # fmt: skip
    actions = [
        {**action, "action_id": name, "kind": "rollback" if name in BACK_OF else "freeze"} for name in TOLD
    ]
    outcomes = [
        {"action_id": name, "time": at(6), "state": "helped", "evidence": said, "detail": "said"}
        for name, said in TOLD.items()
    ]
    with ledger(
        tmp_path_factory.mktemp("saved"),
        devices=[device("b", at(0), time=at(7))],
        allocations=[
            allocation("b", "r", at(0), at(7), team="red", workload="Job/x", model="fraud", model_version="2")
        ],
        gpu_usage=minutes("b", at(0), at(7), 60, active=60),
        prediction_sums=sums,
        actions=actions,
        outcomes=outcomes,
    ) as made:
        yield made


def test_each_kind_of_action_says_what_it_saved(store: Store) -> None:
    """Seven hours at 2.00 for 1,000 requests: 500 after the rollback, a fifth of which would have been wrong.

    An outcome in a shape of which nothing is known must not keep a month from being delivered.
    """
    whole = read(store, lambda _: store, month(2026, 10), Inputs(PriceBook.flat(Decimal(2), "USD")))
    found = {row["action"]: row["saved"] for row in whole.extras.actions}
    assert found == {
        **dict.fromkeys(("back", "before"), Saved(Decimal("1.4"), "USD", 100)),
        "freeze": Saved(Decimal(3), "EUR"),
        **dict.fromkeys(("faster", "other", "text", "list", "unknown")),
    }  # fmt: skip
    page = statement_html.render(whole)
    assert "1.40 USD (100 wrong answers)" in page and "<td>3.00 EUR</td>" in page
