"""The parts of spend on the overview: they add up to the answer that every other reader prints."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from dashboards import spending
from pipeline.answers import cost_table
from pipeline.answers.answer import Answer, Value
from pipeline.answers.window import Window

START = datetime(2026, 11, 1)
BY = ("hour", "team")
COLUMNS = cost_table.columns(BY, "USD")
NAMES = [c.name for c in COLUMNS]
MONEY = st.none() | st.decimals(0, 10_000, places=9)


def answer(costs: list[tuple[int, str, Decimal | None]], end: datetime, as_of: datetime) -> Answer:
    """One row an hour and team, with its total cost."""

    def row(hour: int, team: str, cost: Decimal | None) -> tuple[Value, ...]:
        given: dict[str, Value] = {
            "hour": START + timedelta(hours=hour),
            "team": team,
            "total_cost": cost,
        }
        return tuple(given.get(name) for name in NAMES)

    return Answer(COLUMNS, tuple(row(*c) for c in costs), as_of, Decimal(1), window=Window(START, end))


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc"), MONEY), max_size=30))
def test_groups_add_up_to_the_rows(costs: list[tuple[int, str, Decimal | None]]) -> None:
    """Totals that differ between two parts of a page are why people stop trusting cost tools."""
    full = answer(costs, START + timedelta(days=2), START + timedelta(days=2))
    for by in BY:
        rows = spending.grouped(full, by).named()
        known = [row["total_cost"] for row in rows if row["total_cost"] is not None]
        assert sum(known, Decimal(0)) == sum((c for *_, c in costs if c is not None), Decimal(0))
        assert len(rows) == len({c[BY.index(by)] for c in costs})


def test_what_nothing_is_known_of_stays_unknown() -> None:
    """An unpriced team shown as 0.00 would look free."""
    full = answer([(0, "a", None), (1, "a", None)], START + timedelta(hours=2), START + timedelta(hours=2))
    (row,) = spending.grouped(full, "team").named()
    assert row["total_cost"] is None


def test_an_hour_that_is_cut_short_has_the_same_rate() -> None:
    """Ten minutes into an hour the rate is not a sixth of itself."""
    end, as_of = START + timedelta(hours=3), START + timedelta(hours=1, minutes=15)
    found = spending.rates(answer([(0, "a", Decimal(8)), (1, "a", Decimal(2))], end, as_of))
    assert [(r.time.hour, r.end, r.per_hour) for r in found] == [
        (0, START + timedelta(hours=1), 8.0),
        (1, as_of, 8.0),
    ]
