"""The page of months: states, what each team pays, what changed, and whether the charges are as closed."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from dashboards.months import months, teams
from pipeline.answers.window import month
from pipeline.months.charge import ADJUSTMENT, Charge, plain
from pipeline.months.closings import Closing
from pipeline.months.states import CLOSED, DUE, State
from pipeline.months.verify import Checked

JANUARY = datetime(2026, 1, 1)


def test_a_month_that_was_edited_says_so() -> None:
    """Who opens the page must see it without asking."""
    closing = Closing(JANUARY, "f" * 64, JANUARY, 1, "", "USD", "b", "r", "{}", "{}", "p", "kim")
    known = [
        State(month(2026, 1), CLOSED, JANUARY, closing),
        State(month(2026, 2), DUE, JANUARY, None),
    ]
    shown = months(known, {JANUARY: Checked(JANUARY, "f" * 64, ("its stored charges differ",))})
    assert shown["Month"].tolist() == ["2026-02", "2026-01"]
    assert shown["Charges kept"].tolist() == ["", "its stored charges differ"]


def test_a_team_sees_what_changed() -> None:
    """Two currencies are two rows: they have no sum."""

    def booked(team: str, amount: str, currency: str = "USD") -> Charge:
        return plain(ADJUSTMENT, JANUARY, currency, team, Decimal(amount), "a", "b")

    shown = teams([booked("red", "3"), booked("red", "4", "EUR")], [booked("red", "1")])
    assert shown[["currency", "due", "than last month"]].to_numpy().tolist() == [
        ["EUR", 4.0, 4.0],
        ["USD", 3.0, 2.0],
    ]
