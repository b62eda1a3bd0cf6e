"""Budgets against hand calculations: what is spent, where the month ends, and what is said without data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline.answers.budgets import budgets
from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.budgets import Budget, parse
from pipeline.cli import app
from pipeline.errors import ConfigError
from pipeline.prices import PriceBook
from pipeline.store import Store
from tests.cost_rows import allocation, device, ledger, minutes

START, NOON = datetime(2026, 9, 20), datetime(2026, 10, 21, 12)
ONE_DOLLAR = PriceBook.flat(Decimal(1), "USD")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Two cards until 21 October at noon, a dollar an hour: team-a holds one, nobody the other."""
    held = [allocation("one", "a", START, None, model="m", time=NOON)]
    cards = [device(name, START, time=NOON) for name in ("one", "two")]
    with ledger(tmp_path_factory.mktemp("budgets"), devices=cards, allocations=held) as found:
        yield found


def asked(store: Store, plan: Budget, now: datetime = NOON, book: PriceBook = ONE_DOLLAR) -> dict[str, Any]:
    answer = budgets(store, [plan], now, 0, book)
    return dict(zip([c.name for c in answer.columns], answer.rows[0], strict=True))


def of_team(amount: str, **more: Any) -> Budget:
    return Budget("a", (("team", "team-a"),), Decimal(amount), "USD", **more)


def test_spent_forecast_and_exhaustion_by_hand(store: Store) -> None:
    """20.5 days of 24 dollars are 492; 10.5 more make 744; 492 + 12 + 4 x 24 = 600 on the 25th."""
    found = asked(store, of_team("599.99"))
    assert (found["spent"], found["share"]) == (Decimal(492), Decimal(492) / Decimal("599.99"))
    assert [found[n] for n in ("forecast", "forecast_low", "forecast_high")] == [Decimal(744)] * 3
    assert (found["exhausted"], found["state"]) == (datetime(2026, 10, 25), "at_risk")
    assert (found["threshold"], found["method"], found["history_days"]) == (Decimal(80), "weekday", 31)


def test_costs_that_swing_give_a_forecast_with_an_interval(tmp_path: Path) -> None:
    """Who is told one day for the end of the money must know how early and how late it can be."""
    held = []
    for day in range(28):
        start = START + timedelta(days=3 + day)
        hours = 4 + (day * 7) % 13  # each day another, 4 to 16 hours of the card
        held.append(allocation("one", "a", start, start + timedelta(hours=hours), consumer_uid=f"a{day}"))
    cards = [device("one", START, time=NOON)]
    with ledger(tmp_path, devices=cards, allocations=held) as swinging:
        found = asked(swinging, of_team("250"))
    low, value, high = (found[f"forecast{end}"] for end in ("_low", "", "_high"))
    assert found["spent"] < low < value < high
    early, day, late = (found[f"exhausted{end}"] for end in ("_earliest", "", "_latest"))
    assert NOON <= early <= day <= late and early < late


def test_states_are_what_they_say(store: Store) -> None:
    """744 fit into 750; 480 were passed on the 21st, and 479 on the 20th."""
    assert asked(store, of_team("750"))["state"] == "ok"
    assert asked(store, of_team("750"))["exhausted"] is None
    exceeded = asked(store, of_team("479"))
    assert (exceeded["state"], exceeded["exhausted"]) == ("exceeded", datetime(2026, 10, 20))
    assert asked(store, of_team("480"))["exhausted"] == datetime(2026, 10, 21)


def test_a_budget_of_everything_is_the_cost_answer(store: Store) -> None:
    """Two totals of one month on two screens end the trust in both."""
    whole = cost(store, Window(datetime(2026, 10, 1), NOON), ("cluster",), ONE_DOLLAR).total
    assert whole is not None and Decimal(984) in whole
    assert asked(store, Budget("all", (), Decimal(5_000), "USD"))["spent"] == Decimal(984)


def test_a_quarter_begins_with_its_first_month(store: Store) -> None:
    """In September the third quarter runs: 10 days and a half of 24 dollars."""
    found = asked(store, of_team("5000", period="quarter"), datetime(2026, 9, 30, 12))
    assert (found["start"], found["end"]) == (datetime(2026, 7, 1), datetime(2026, 10, 1))
    assert found["spent"] == Decimal(252)
    assert found["forecast"] is None  # ten whole days are too few


def test_no_data_is_not_zero(store: Store, tmp_path: Path) -> None:
    """A team without a line, a ledger that ended last month, an empty ledger, a card without a price."""
    nobody = Budget("b", (("team", "team-z"),), Decimal(10), "USD")
    for found in (
        asked(store, nobody),
        asked(store, of_team("10"), datetime(2026, 11, 5)),
        asked(store, of_team("10"), book=PriceBook.flat(Decimal(1), "EUR")),
    ):
        assert (found["state"], found["spent"], found["share"], found["forecast"]) == (
            "no_data",
            None,
            None,
            None,
        )
    with Store.open(tmp_path) as empty:
        assert asked(empty, of_team("10"))["state"] == "no_data"


def test_a_team_that_stopped_has_spent_nothing_and_how_much_was_seen_is_said(tmp_path: Path) -> None:
    """Its budget was no_data, exit code 7, from the day on which its last job had ended."""
    month, half_past = datetime(2026, 10, 1), datetime(2026, 10, 1, 0, 30)
    held = [allocation("one", "a", START, datetime(2026, 9, 30), time=NOON)]
    usage = minutes("one", month, half_past, 30)
    cards = [device("one", START, time=half_past)]
    with ledger(tmp_path, devices=cards, allocations=held, gpu_usage=usage) as store:
        whole = Budget("all", (), Decimal(5_000), "USD")
        answer = budgets(store, [of_team("10"), whole], datetime(2026, 10, 1, 1), 0, ONE_DOLLAR)
        found = dict(zip([c.name for c in answer.columns], answer.rows[0], strict=True))
        assert (found["state"], found["spent"], found["share"]) == ("ok", 0, 0)
        assert answer.completeness == Decimal("0.5")  # half of the hour that October has


def test_only_the_budget_of_the_day_holds(store: Store) -> None:
    """Last year's amount must not be compared with this year's cost."""
    old = of_team("1", valid_to=date(2026, 10, 1))
    new = of_team("1000", valid_from=date(2026, 10, 1))
    answer = budgets(store, [old, new], NOON, 0, ONE_DOLLAR)
    assert [row[4] for row in answer.rows] == [Decimal(1_000)]


FILE = """
budgets:
- {name: search, match: {team: search, namespace: prod-*}, amount: 12000.10, currency: EUR, period: quarter,
   valid_from: 2026-01-01, thresholds: [50, 90]}
"""


def test_a_file_says_what_was_written() -> None:
    """12000.10 must not become a binary fraction."""
    (found,) = parse(FILE)
    assert found == Budget(
        "search", (("team", "search"), ("namespace", "prod-*")), Decimal("12000.10"), "EUR", "quarter",
        date(2026, 1, 1), date.max, (Decimal(50), Decimal(90)),
    )  # fmt: skip
    assert found.covers({"team": "search", "namespace": "prod-1"})
    assert not found.covers({"team": "search", "namespace": "test"})


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (("amount: 12000.10", "amount: lots"), "amount"),
        (("amount: 12000.10", "amount: -1"), "amount"),
        (("quarter", "year"), "period"),
        (("EUR", "euro"), "currency"),
        (("[50, 90]", "[90, 50]"), "thresholds"),
        (("team: search", "tem: search"), "match.tem"),
        (("2026-01-01", "january"), "valid_from"),
        (("thresholds", "valid_to: 2025-01-01, thresholds"), "valid_to"),
    ],
)
def test_a_wrong_file_names_the_key(change: tuple[str, str], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"budgets\[0\]\.{key}"):
        parse(FILE.replace(*change))


def test_two_budgets_of_one_name_on_one_day_are_refused() -> None:
    with pytest.raises(ConfigError, match="valid_to"):
        parse(FILE + FILE.split("budgets:\n")[1])


@pytest.mark.parametrize(
    ("team", "amount", "code"), [("a", "1", 6), ("a", "700", 6), ("a", "750", 0), ("z", "750", 7)]
)
def test_the_command_fails_where_a_budget_does(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, team: str, amount: str, code: int
) -> None:
    """A pipeline that asks must stop over budget (6), and must not pass where nothing is known (7)."""
    monkeypatch.setattr("pipeline.cli.budgets.now", lambda: NOON)
    file = tmp_path / "budgets.yaml"
    file.write_text(f"budgets:\n- {{name: x, match: {{team: team-{team}}}, amount: {amount}}}\n")
    words = ["--set", f"budgets.file={file}", "budgets", "-s", str(store.location.folder)]
    found = CliRunner().invoke(app.app, [*words, "--gpu-hour-price", "1", "-o", "json"])
    assert found.exit_code == code, found.output
