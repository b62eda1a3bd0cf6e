"""Whose cost it is: rules over what is known of a workload, dated, the first that fits."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.budgets import parse as budgets
from pipeline.errors import ConfigError, NotFound
from pipeline.ownership.file import load, parse
from pipeline.ownership.rules import Holder, Owner, Ownership, Rule
from tests.cost.test_cost import SEVEN_DOLLARS, by, dollars
from tests.cost.test_cost_laws import plain_store
from tests.cost_rows import allocation, at, device, ledger, minutes

RULES = """
version: finance-7
rules:
  - {match: {namespace: "fraud-*"}, team: risk, cost_centre: CC-1, valid_to: 2026-10-05T01:00:00Z}
  - {match: {namespace: "fraud-*"}, team: lending, cost_centre: CC-2}
  - {match: {cluster: "*"}, environment: prod}
"""

times = st.one_of(st.none(), st.integers(0, 40).map(lambda h: at(0) + timedelta(hours=h)))
rules = st.builds(
    Rule,
    st.sampled_from([(), (("namespace", "a*"),), (("team", "x"), ("namespace", "*"))]),
    st.builds(
        Owner, st.sampled_from(["", "t1", "t2"]), st.sampled_from(["", "c1"]), st.sampled_from(["", "e1"])
    ),
    times,
    times,
)


@given(st.lists(rules, max_size=6), st.sampled_from(["", "x"]), st.sampled_from(["ab", "b"]))
def test_every_instant_has_one_owner(found: list[Rule], team: str, namespace: str) -> None:
    """A second with two owners is paid twice, one with none is paid by nobody."""
    owners, holder = Ownership("v", tuple(found)), Holder("c", namespace, "w", team, "m")
    spans = list(owners.spans(holder))
    assert (spans[0].start, spans[-1].end) == (datetime.min, datetime.max)
    assert all(a.end == b.start and a.owner != b.owner for a, b in pairwise(spans))
    for hour in range(-1, 42):
        time = at(0) + timedelta(hours=hour)
        (owner,) = [span.owner for span in spans if span.start <= time < span.end]
        fitting = [r.owner for r in found if r.fits(holder) and r.holds_at(time)]
        assert owner.team == next((o.team for o in fitting if o.team), team)
        assert owner.cost_centre == next((o.cost_centre for o in fitting if o.cost_centre), "")


def test_an_owner_that_changes_pays_from_its_hour_on(tmp_path: Path) -> None:
    """A reorganisation must not rewrite what the old owner was charged for."""
    held = [allocation("a", "x", at(0), at(4), namespace="fraud-eu", team="label")]
    with ledger(
        tmp_path,
        devices=[device("a", at(0), at(5))],
        allocations=held,
        gpu_usage=minutes("a", at(0), at(4), 30),
    ) as store:
        window = Window(at(0), at(5))
        answer = cost(store, window, ("team",), SEVEN_DOLLARS, owners=parse(RULES))
        assert by(answer, "used_cost", "total_cost") == {
            "risk": dollars("3.5", "7"), "lending": dollars("10.5", "21"), "cluster_idle": dollars("0", "7"),
        }  # fmt: skip
        assert all("finance-7@" in rule for (rule,) in by(answer, "rule").values())
        centres = by(
            cost(store, window, ("cost_centre", "environment"), SEVEN_DOLLARS, owners=parse(RULES)),
            "environment",
        )
        assert centres == {"CC-1": ("prod",), "CC-2": ("prod",), "cluster_idle": ("cluster_idle",)}
        plain = by(cost(store, window, ("team", "cost_centre"), SEVEN_DOLLARS), "cost_centre", "total_cost")
        assert plain["label"] == ("none", Decimal(28))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: v\nrules:\n  - {match: {namespce: a}, team: t}", "namespace"),
        ("version: v\nrules:\n  - {match: {namespace: a}}", "at least one"),
        (
            "version: v\nrules:\n  - {match: {namespace: a}, team: t, valid_from: 2026-10-05T00:30:00Z}",
            "whole hours",
        ),
        (
            "version: v\nrules:\n  - {match: {}, team: t, valid_from: 2026-10-05, valid_to: 2026-10-05}",
            "after",
        ),
    ],
)
def test_a_wrong_rule_says_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse(text)


def test_no_file_is_no_rules_and_a_missing_one_is_said(tmp_path: Path) -> None:
    assert load("") == Ownership()
    with pytest.raises(NotFound, match=r"rules\.yaml"):
        load(tmp_path / "rules.yaml")


def test_labels_and_annotations_name_owners_budgets_and_costs(tmp_path: Path) -> None:
    """Who is told apart by a label alone pays for himself, by whichever of the three it is asked."""
    held = [
        allocation("a", "x", at(0), at(2), labels='{"annotation.owner":"ann","label.app":"web"}'),
        allocation("b", "y", at(0), at(3), labels='{"label.app":"batch"}'),
        allocation("c", "z", at(0), at(4)),
    ]
    owners = parse("""
version: v
rules:
  - {match: {label.app: "b*"}, team: batch-team}
  - {match: {annotation.owner: ann}, team: anns}
""")
    (plan,) = budgets("budgets: [{name: web, match: {label.app: web}, amount: 1}]")
    devices = [device(name, at(0), at(4)) for name in "abc"]
    with plain_store(str(tmp_path), devices=devices, allocations=held) as store:
        window = Window(at(0), at(4))
        apps = cost(store, window, ("label.app",), SEVEN_DOLLARS)
        found = by(apps, "total_cost")
        assert found["web"] == dollars("14") and found["batch"] == dollars("21")
        assert found["none"] == dollars("28") and found["cluster_idle"] == dollars("21")
        teams = by(cost(store, window, ("team",), SEVEN_DOLLARS, owners=owners), "total_cost")
        assert teams["anns"] == dollars("14") and teams["batch-team"] == dollars("21")
        assert [line["total_cost"] for line in apps.named() if plan.covers(line)] == [Decimal(14)]
        both = cost(store, window, ("annotation.owner", "label.app", "bucket"), SEVEN_DOLLARS)
        assert both.total is not None and apps.total is not None and both.total[3:] == apps.total[1:]
        with pytest.raises(ConfigError, match="label"):
            cost(store, window, ("label.",), SEVEN_DOLLARS)
