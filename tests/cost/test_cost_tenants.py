"""Methods chosen by team: each team's lines are its own method's, and all lines together are the bill."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.answers.cost import cost
from pipeline.errors import ConfigError
from pipeline.settings.cost import CostRule, Method, Spread
from tests.cost.test_cost_buckets import HOUR, SEVEN_DOLLARS, scene
from tests.cost.test_cost_laws import BOOK, plain_store
from tests.cost.test_node_resources import GPUS, HOST, WINDOW, held, sums
from tests.cost_rows import Row, minutes
from tests.examples import examples

BY = ("team", "device", "hour")
methods = st.lists(st.sampled_from(list(Method)), min_size=2, max_size=2)


@settings(max_examples=examples(2), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(1, 6).flatmap(lambda n: st.tuples(*map(held, range(n)))),
    methods,
    st.sampled_from(Method),
    st.sampled_from(Spread),
)
def test_a_teams_lines_are_its_own_methods_and_the_sum_is_the_bill(
    holders: tuple[Row, ...], chosen: list[Method], usual: Method, idle: Spread
) -> None:
    """Money that a team's choice makes or loses would be missing at the month's end, on nobody's line."""
    teams = {"team-q": chosen[0], "team-r": chosen[1]}
    rows = [row | {"team": f"team-{'pqr'[i % 3]}"} for i, row in enumerate(holders)]
    usage = minutes("a", WINDOW.start, GPUS[0]["end"], 20)
    text = ", ".join(f"{team}={method}" for team, method in teams.items())
    rule = CostRule(usual, idle, methods=text)
    with (
        TemporaryDirectory() as folder,
        plain_store(folder, devices=[*GPUS, *HOST], allocations=rows, gpu_usage=usage) as store,
    ):
        found = cost(store, WINDOW, BY, BOOK, rule=rule)
        bill = cost(store, WINDOW, BY, BOOK, rule=rule.by(usual))
        assert sums(found) == sums(bill)
        assert sums(found, "device", "hour") == sums(bill, "device", "hour")
        for team, method in teams.items():
            own = cost(store, WINDOW, BY, BOOK, rule=rule.by(method))
            assert [row for row in found.named() if row["team"] == team] == [
                row for row in own.named() if row["team"] == team
            ]


def test_what_one_teams_method_charges_beyond_the_bill_is_a_line(tmp_path: Path) -> None:
    """By usage b pays 14 and not 7: the 7 that nobody else is relieved of are told, not hidden."""
    cards, held, usage = scene(tmp_path)
    with plain_store(str(tmp_path), devices=cards, allocations=held, gpu_usage=usage) as store:
        rule = CostRule(methods="team-b = usage")
        answer = cost(store, HOUR, ("team",), SEVEN_DOLLARS, rule=rule)
        lines = {row["team"]: (row["total_cost"], row["rule"]) for row in answer.named()}
        usual, own = CostRule().id, CostRule(Method.usage).id
        assert lines == {
            "team-a": (Decimal(14), usual),
            "team-b": (Decimal(14), own),
            "shared": (Decimal(7), usual),
            "cluster_idle": (Decimal(7), usual),
            "method_difference": (Decimal(-7), rule.id),
        }
        assert rule.id == "allocation+team-b=usage/idle-none/shared-none"
        (day,) = cost(store, HOUR, ("day",), SEVEN_DOLLARS, rule=rule).named()
        assert (day["total_cost"], day["rule"]) == (Decimal(35), rule.id)


@pytest.mark.parametrize("methods", ["lab", "=usage", "lab=cheap"])
def test_a_method_that_does_not_exist_is_said(methods: str) -> None:
    with pytest.raises(ConfigError, match=r"cost.methods.*TEAM=METHOD") as wrong:
        _ = CostRule(methods=methods).id
    assert methods in str(wrong.value)
