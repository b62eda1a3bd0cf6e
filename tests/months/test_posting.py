"""Before a month is posted: teams without a ledger account, what has no owner, and a month that is a part."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.answers.window import month
from pipeline.months.charge import ADJUSTMENT, plain
from pipeline.months.draft import Draft
from pipeline.months.gaps import objections
from pipeline.months.inputs import Inputs
from pipeline.months.part import began
from pipeline.months.terms import parse
from pipeline.prices import PriceBook
from pipeline.store import Store
from reports import statement_csv, statement_parquet
from reports.first_page import answer, warnings
from reports.posting import posting
from reports.statement import Extras, Statement, statement, teams_of
from reports.statement_sheets import sheets
from tests.months.months_scene import LIMITS, usage

JANUARY, FEBRUARY = datetime(2026, 1, 1), datetime(2026, 2, 1)


def said(terms: str, **amounts: str) -> list[str]:
    found = [plain(ADJUSTMENT, JANUARY, "USD", team, Decimal(n), "a", "b") for team, n in amounts.items()]
    return posting(teams_of(found, "USD", parse(f"version: a\n{terms}")), "USD")


def test_a_team_without_an_account_is_named_before_an_erp_refuses_its_line() -> None:
    """Or worse, before it is posted to none: what is only shown or held by nobody is not posted at all."""
    terms = "teams: {red: {gl_code: '6100'}, blue: {mode: showback}, green: {}, grey: {}}"
    amounts = {"red": "9", "blue": "8", "green": "2.50", "cluster_idle": "7", "grey": "0"}
    assert said(terms, **amounts) == [
        "No ledger account: green 2.50 USD; gl_code in closing.terms names one."
    ]
    assert said(terms, **{**amounts, "grey": "3"}) == [
        "No ledger account: grey 3.00, green 2.50, together 5.50 USD; gl_code in closing.terms names one."
    ]
    assert said("", red="9") == [
        "No ledger account: all of the 9.00 USD that is charged; gl_code in closing.terms names one."
    ]
    assert said("usual: {gl_code: '6999'}", **amounts) == [], "an account for all that have none of their own"


def test_what_has_no_owner_says_on_which_terms_it_is_charged() -> None:
    """Mark-up on what nobody owns is a question that finance asks first, and can answer in the terms."""
    usual = "usual: {tax_percent: 19, gl_code: '6100'}"
    assert said(usual, unowned="46.67") == [
        "Without an owner: 46.67 USD, charged with 0 % mark-up and 19 % tax; teams.unowned in closing.terms "
        "says otherwise."
    ]
    assert said(f"{usual}\nteams: {{unowned: {{mode: showback, tax_percent: 0}}}}", unowned="46.67") == []


def test_a_month_in_which_the_ledger_begins_is_no_whole_one(tmp_path: Path) -> None:
    """Four days beside thirty-one would be read as a bill that grew eightfold."""
    with Store.open(tmp_path) as store:
        assert began(store) is None
        with store.transaction() as con:
            usage(con, "a", datetime(2026, 1, 28), FEBRUARY)
        since = began(store)
    assert since == datetime(2026, 1, 28)
    trend = ((JANUARY, "red", "USD", Decimal(100)),)
    made = of(month(2026, 2), Extras(trend=trend, began=since))
    parts = {part["title"]: part for part in answer(made)}
    table = parts["Trend: the ledger begins on 2026-01-28"]["table"]
    assert table["heads"] == ["Closed months", "2026-01 (part)", "this month", "change"]
    assert table["rows"][0][1:] == ["100.00", "800.00", "–"]
    assert "vs 2026-01" not in parts["Who pays"]["table"]["heads"] and warnings(made) == []
    (rows,) = (rows for name, rows, _ in sheets(made) if name == "Trend")
    assert [row[4] for row in rows[1:]] == ["from 2026-01-28 on", ""]
    first = of(month(2026, 1), Extras(began=since))
    assert warnings(first) == [
        "A part of a month: the ledger begins on 2026-01-28 00:00Z, and knows nothing before it."
    ]


def test_a_month_that_misses_the_least_by_a_hair_says_so() -> None:
    """`95.00% was observed, less than 95.00%` is no reason that anybody can act on."""
    assert objections([], Decimal("0.949999"), LIMITS) == (
        "94.99% of the month's GPU time was observed, less than 95.00%",
    )


def test_an_accepted_gap_is_in_what_programs_read_too() -> None:
    """A sheet that only has the CSV file must not take a month with a hole for a whole one."""
    gap = "=c said nothing from 2026-01-10 00:00Z"
    made = replace(of(month(2026, 2), Extras()), accepted=(gap,))
    rows = list(csv.DictReader(StringIO(statement_csv.render(made))))
    assert [row["detail"] for row in rows if row["record"] == "gap"] == [f"'{gap}"]
    schema = pq.read_schema(BytesIO(statement_parquet.render(made)))
    assert json.loads(schema.metadata[b"accepted_gaps"]) == [gap]


def of(span, extras: Extras) -> Statement:
    """A closed month that charges red 800.00."""
    charges = (plain(ADJUSTMENT, span.start, "USD", "red", Decimal(800), "a", "b"),)
    draft = Draft(span, Inputs(PriceBook("a", ())), charges, 1, None, None, "rule", ())
    return replace(statement(draft, extras), hash="f" * 64, closed_at=FEBRUARY)
