"""Whatever was used, at whatever price and in whatever currency: every form of a statement is one sum."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any

import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.answers.money import minor_digits, to_cents
from pipeline.answers.window import month
from pipeline.facts.months import BUCKETS, HOURS_OF
from pipeline.months.charge import ADJUSTMENT, BY, CORRECTION, USAGE, Charge, plain, rounded
from pipeline.months.draft import Draft, on_terms
from pipeline.months.inputs import Inputs
from pipeline.months.terms import Term, Terms
from pipeline.prices import PriceBook
from reports import focus, ledger_lines, statement_csv, statement_html
from reports.first_page import cards, who_pays
from reports.pages import DETAILS, buckets
from reports.statement import Extras, Statement, statement
from tests.examples import examples

SPAN = month(2026, 2)
BEFORE = datetime(2026, 1, 1)
TAGS = set(
    [
        "!doctype",
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "section",
        "h1",
        "h2",
        "p",
        "div",
        "b",
        "span",
        "i",
        "ul",
        "li",
        "footer",
    ]
)
TAGS |= set(["table", "thead", "tbody", "tfoot", "tr", "th", "td"])
NAMES = ("red", "=1+1", "", "-1", "#strong[a]", "<b>", "\u202egrey", "a\nb", "long" * 2_500)
"""Of teams and workloads: formulas, markup of both kinds, a direction, a line's end, 10 kB."""

cost = st.integers(-(10**21), 10**21).map(lambda n: Decimal(n).scaleb(-9))
small = st.sampled_from([Decimal(n).scaleb(-9) for n in (0, 1, 1_666_667, 4_999_999, 5_000_000, 333_333_333)])
names = st.sampled_from(NAMES)
rows = st.lists(
    st.tuples(names, names, st.sampled_from(["prod", "dev", "test", "lab"]),
              st.lists(st.one_of(small, cost.map(abs)), min_size=6, max_size=6), st.booleans()),
    min_size=1, max_size=12,
)  # fmt: skip
late = st.lists(st.tuples(names, names, st.lists(cost, min_size=6, max_size=6)), max_size=4)
booked = st.lists(st.tuples(names, st.integers(-(10**15), 10**15)), max_size=3)
percents = st.sampled_from([Decimal(0), Decimal(19), Decimal("2.5"), Decimal("33.333333")])
currencies = st.sampled_from(["USD", "JPY", "KWD", "CLF"])


def charge(number: int, kind: str, currency: str, costs: list[Decimal] | None, **key: str) -> Charge:
    at = SPAN.start if kind == USAGE else BEFORE
    own = dict.fromkeys(BY, "") | {"cluster": "c", "device": f"d{number % 5}"} | key
    hours = (Decimal("0.333333"),) * len(HOURS_OF)
    return Charge(kind, at, currency, tuple(own.values()), hours, None if costs is None else tuple(costs))


def made(currency: str, usage: list[Any], more: list[Any], books: list[Any], term: Term) -> Statement:
    """The statement of such charges, corrections in another currency than the month."""
    used = [
        charge(i, USAGE, currency, costs if priced else None, team=team, workload=work, environment=place)
        for i, (team, work, place, costs, priced) in enumerate(usage)
    ]
    back = [
        charge(i, CORRECTION, "KWD", costs, team=team, workload=work)
        for i, (team, work, costs) in enumerate(more)
    ]
    digits = minor_digits(currency)
    notes = [
        plain(ADJUSTMENT, BEFORE, currency, team, Decimal(n).scaleb(-digits), f"{i}", "credit: outage")
        for i, (team, n) in enumerate(books)
    ]
    found = [*rounded(used), *rounded(back), *notes]
    inputs = Inputs(PriceBook("a", ()), currency, terms=Terms("t", term))
    every = tuple(sorted([*found, *on_terms(found, SPAN.start, inputs)], key=lambda c: c.order))
    return statement(Draft(SPAN, inputs, every, 1, None, None, "rule", ()), Extras())


def shown(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


@settings(max_examples=examples(40))
@given(currencies, rows, late, booked, st.builds(Term, markup_percent=percents, tax_percent=percents))
def test_every_form_is_the_same_sum(
    currency: str, usage: list[Any], more: list[Any], books: list[Any], term: Term
) -> None:
    """Finance adds up whichever file it got; two that differ by a cent are a dispute."""
    whole = made(currency, usage, more, books, term)
    digits = minor_digits(currency)
    exact = sum((sum(costs) for *_, costs, priced in usage if priced), Decimal(0))
    assert (whole.amounts.total or 0) == to_cents(exact, digits)
    for team in whole.teams:
        assert sum(line.amounts.total or 0 for line in team.lines) == (team.amounts.total or 0)
        assert sum(team.buckets) == (team.amounts.total or 0) and len(team.buckets) == len(BUCKETS)
        assert team.buckets[0] == (team.amounts.used or 0), "used is one figure, wherever it stands"
        for own in (team.amounts, *(line.amounts for line in team.lines)):
            assert (own.used or 0) + (own.idle or 0) == (own.total or 0)
    _as_csv(whole)
    _as_focus(whole)
    _as_ledger_lines(whole)
    _as_pages(whole)


def test_a_workload_of_many_environments_has_its_cents() -> None:
    """Each environment of it may be rounded up: together by more than one sum would be."""
    own = [("red", "w", place, cents("0.003"), True) for place in ("prod", "dev", "test", "lab")]
    others = [("red", f"x{i}", "prod", cents("0.0028"), True) for i in range(10)]
    whole = made("USD", [*own, *others], [], [], Term())
    (line,) = (line for line in whole.teams[0].lines if line.workload == "w")
    assert (line.amounts.used, line.amounts.idle, line.amounts.total) == (Decimal("0.04"), 0, Decimal("0.04"))


def cents(text: str) -> list[Decimal]:
    """All of it used."""
    return [Decimal(text), *(Decimal(0) for _ in BUCKETS[1:])]


def _as_csv(whole: Statement) -> None:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    due: dict[str, Decimal] = {}
    for row in csv.DictReader(StringIO(statement_csv.render(whole))):
        if row["record"] == "due":
            due[row["currency"]] = Decimal(row["total_cost"])
        else:
            sums[row["record"], row["currency"]] += Decimal(row["total_cost"] or 0)
    assert due == {code: whole.due(code) for code in whole.currencies}
    assert len({sums[record, whole.currency] for record in ("line", "team", "total")}) == 1
    for code, amount in due.items():
        added = ("total", "correction", "adjustment", "markup", "tax")
        assert sum(sums[record, code] for record in added) == amount


def _as_focus(whole: Statement) -> None:
    """What stands in the files themselves, as who takes them in reads it."""
    for version in focus.VERSIONS:
        contents = dict(focus.files(whole, version))
        for form, read in (("csv", _csv_rows), ("parquet", _parquet_rows)):
            found = read(contents[f"focus-{version}-2026-02.{form}"])
            for code in whole.currencies:
                own = [row for row in found if row["BillingCurrency"] == code]
                assert _billed(own) == whole.due(code)
                for team in whole.teams:
                    named = (team.name, f"'{team.name}")  # as CSV makes a formula harmless
                    assert _billed([r for r in own if (r["x_Team"] or "") in named]) == team.due(code)
            for origin in read(contents.get(f"focus-{version}-2026-02-origin.{form}", b"")):
                split = [
                    row for row in found
                    if row["AllocatedMethodId"] and all(row[n] == origin[n] for n in focus.ONE_CHARGE)
                ]  # fmt: skip
                assert _billed(split) == Decimal(origin["BilledCost"])


def _billed(rows: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(row["BilledCost"]) for row in rows), Decimal(0))


def _csv_rows(content: bytes) -> list[dict[str, Any]]:
    return list(csv.DictReader(StringIO(content.decode(), newline="")))


def _parquet_rows(content: bytes) -> list[dict[str, Any]]:
    return pq.read_table(BytesIO(content)).to_pylist() if content else []


def _as_ledger_lines(whole: Statement) -> None:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in csv.DictReader(StringIO(ledger_lines.render(whole))):
        found[row["currency"]] += Decimal(row["amount"])
    assert all(found[code] == whole.due(code) for code in whole.currencies)


def _as_pages(whole: Statement) -> None:
    """What is shown is the amount itself: neither a cent of a yen nor a dinar short of its third decimal."""
    assert sum(t.due(whole.currency) for t in whole.teams if t.is_charged) == whole.charged(whole.currency)
    table = who_pays(whole)[0]["table"]
    assert shown(table["total"][-1]) == whole.due(whole.currency)
    assert sum(shown(row[-1]) for row in table["rows"]) == whole.due(whole.currency)
    assert all(part for make in DETAILS for part in make(whole))
    if total := whole.amounts.total:
        parts = {name: part for name, _, part in buckets(whole, total)}
        assert cards(whole)[2][0] == f"{parts.get('used', Decimal('0.0'))}%", "one figure, wherever it stands"
        assert sum(parts.values()) == 100
    page = statement_html.render(whole)
    own = re.search(r"<tfoot>.*?([-0-9.,]+)</td></tr></tfoot>", page)
    due = {whole.currency: own[1] if own else ""}
    due |= dict(re.findall(r"Due in ([A-Z]{3}) besides: ([-0-9.,]+)</li>", page))
    assert {code: shown(text) for code, text in due.items()} == {c: whole.due(c) for c in whole.currencies}
    assert set(re.findall(r"<([^/\s>]+)", page)) <= TAGS
