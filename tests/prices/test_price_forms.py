"""Discounts, commitments, own machines, exchange rates and CSV files: a price is exactly what was stated."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.prices import PriceBook
from pipeline.prices.discount import Discount
from pipeline.prices.price import Price, Profile
from pipeline.prices.quote import Quote
from pipeline.prices.rates import Rate

START = datetime(2026, 10, 1)
T4 = Profile("c", "aws", "eu-1", "g4dn.xlarge", "Tesla T4")


def load(folder: Path, text: str, name: str = "prices.yaml") -> PriceBook:
    (folder / name).write_text(text, encoding="utf-8")
    return PriceBook.load(folder / name)


def quote(book: PriceBook, profile: Profile = T4, time: datetime = START, currency: str = "USD") -> Quote:
    found = book.quote(profile, time, currency)
    assert isinstance(found, Quote), found
    return found


def test_a_discount_reaches_the_gpu_while_it_holds(tmp_path: Path) -> None:
    """A negotiated ten percent that stops at CPU and memory is missing from the largest line of the bill."""
    book = load(tmp_path, """
version: own
prices: [{match: {gpu_model: T4}, gpu_hour: 2}]
discounts:
  - {match: {provider: aws}, percent: 10, valid_from: 2026-10-01}
  - {match: {provider: aws, gpu_model: T4}, percent: 25, valid_from: 2026-10-10, valid_to: 2026-10-20}
""")  # fmt: skip
    spans = book.spans(T4, datetime(2026, 9, 30), datetime(2026, 11, 1), "USD")
    assert [(s.start.day, s.price and s.price.gpu_hour) for s in spans] == [
        (30, Decimal(2)), (1, Decimal("1.8")), (10, Decimal("1.5")), (20, Decimal("1.8")),
    ]  # fmt: skip


def test_a_commitment_is_spread_over_its_term_and_keeps_its_list_price(tmp_path: Path) -> None:
    """What was paid at once belongs to every hour of the term, not to the month in which it was paid."""
    book = load(tmp_path, """
version: own
discounts: [{percent: 50}]
prices:
  - match: {gpu_model: T4, capacity_type: reserved}
    commitment: {upfront: 17520, years: 1, hour: 2, gpu_count: 4, list_hour: 8}
""")  # fmt: skip
    reserved = Profile("c", "aws", gpu_model="T4", capacity_type="reserved")
    found = quote(book, reserved)
    assert (found.list_price, found.contracted, found.effective) == (2, 1, 1)
    assert isinstance(book.quote(T4, START, "USD"), str), "on-demand devices are not covered by it"


def test_a_machine_of_ones_own_costs_capital_power_and_the_rest(tmp_path: Path) -> None:
    book = load(tmp_path, """
version: own
discounts: [{percent: 50}]
prices:
  - on_premises: {capex: 87600, years: 5, gpu_count: 8, watts: 5000, pue: 1.4, kwh: 0.2, other_per_year: 8760}
""")  # fmt: skip
    assert quote(book).effective == (Decimal(2) + Decimal("1.4") + 1) / 8


def test_a_rate_holds_from_its_day_and_no_rate_is_no_price(tmp_path: Path) -> None:
    """A converted bill must say by which rate; a guessed rate is a wrong bill."""
    book = load(tmp_path, """
version: own
currency: EUR
prices: [{gpu_hour: 2}]
rates:
  - {from: EUR, to: USD, rate: 1.10, valid_from: 2026-10-01}
  - {from: EUR, to: USD, rate: 1.25, valid_from: 2026-10-05}
""")  # fmt: skip
    spans = book.spans(T4, datetime(2026, 9, 30), datetime(2026, 10, 6), "USD")
    assert [s.price and s.price.gpu_hour for s in spans] == [None, Decimal("2.2"), Decimal("2.5")]
    assert "add a rate from EUR to USD that holds on 2026-09-30" in spans[0].reason
    assert isinstance(book.quote(T4, START, "GBP"), str)
    found = quote(book, time=datetime(2026, 10, 6))
    assert list(found.steps()) == [
        "prices[0]: as written = 2 EUR", "rates[1]: 2 EUR × 1.25 (2026-10-05) = 2.5 USD",
    ]  # fmt: skip


def test_a_general_price_never_stands_in_for_a_special_one_of_another_currency(tmp_path: Path) -> None:
    """The nearest wrong match would be a bill that looks right."""
    book = load(tmp_path, "version: x\nprices: [{gpu_hour: 9}, "
                          "{match: {gpu_model: T4}, gpu_hour: 2, currency: EUR}]")  # fmt: skip
    assert isinstance(book.quote(T4, START, "USD"), str)


OPENCOST = """\
EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version
# prices of the lab
2019-04-17 23:34:22 UTC,gke-pool-1-cg69,,node,metadata.name,,0.1337,
2019-04-17 23:34:22 UTC,Quadro_RTX_4000,,gpu,gpu.nvidia.com/class,,0.75,v1
2019-04-17 23:34:22 UTC,pvc-08e1f205,,pv,metadata.name,,0.44,
"""


def test_a_csv_of_opencost_is_read_as_it_is(tmp_path: Path) -> None:
    """Who has priced a cluster for OpenCost need not do it again."""
    book = load(tmp_path, OPENCOST, "prices.csv")
    assert [(dict(p.match), p.gpu_hour, p.source) for p in book.prices] == [
        ({"gpu_model": "Quadro RTX 4000"}, Decimal("0.75"), "v1")
    ]
    assert quote(book, Profile(gpu_model="Quadro RTX 4000")).effective == Decimal("0.75")


def test_rows_of_opencost_that_name_a_label_price_what_the_label_says(tmp_path: Path) -> None:
    """The label of an instance's type is its type, GKE's accelerator a card; a row of commas is none."""
    text = (
        "InstanceID,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,GpuCount,Source\n,,,,,,\n"
        "g5.12xlarge,node,metadata.labels.node.kubernetes.io/instance-type,,5.672,4,x\n"
        "nvidia-tesla-a100,gpu,cloud.google.com/gke-accelerator,,2.93,,x\n"
    )
    book = load(tmp_path, text, "prices.csv")
    assert quote(book, Profile(instance_type="g5.12xlarge", gpu_model="A10G")).effective == Decimal("1.418")
    assert quote(book, Profile(gpu_model="NVIDIA A100-SXM4-40GB")).effective == Decimal("2.93")


def test_a_csv_with_own_columns_counts_gpus_and_holds_for_a_time(tmp_path: Path) -> None:
    text = (
        "InstanceID,AssetClass,InstanceType,MarketPriceHourly,GpuCount,ValidFrom,Currency\n"
        ",node,g4dn.xlarge,4,2,2026-10-01,EUR\n,node,g4dn.xlarge,5,2,2026-10-02,EUR\n"
    )
    (tmp_path / "more.csv").write_text(text)
    book = load(tmp_path, "version: x\ninclude: [more.csv]\ndiscounts: [{percent: 10}]\n")
    spans = book.spans(T4, START - timedelta(days=1), START + timedelta(days=2), "EUR")
    assert [s.price and s.price.gpu_hour for s in spans] == [None, Decimal("1.8"), Decimal("2.25")]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (",node,x,-1,2,,", "prices.csv:2.MarketPriceHourly"),
        (",node,x,1,none,,", "GpuCount"),
        (",gpu,,1,,,", "GPU model"),
        ("T4,gpu,,1,,soon,", "ValidFrom"),
        ("T4,gpu,,1", "fields"),
        ("T4,card,,1,,,", "AssetClass"),
        ("T4,gpu,,1,,,,8", "CpuCount"),
        (",node,x,1,2,,,8", "CpuCount"),
    ],
)
def test_a_wrong_line_of_a_csv_is_named(tmp_path: Path, line: str, names: str) -> None:
    header = "InstanceID,AssetClass,InstanceType,MarketPriceHourly,GpuCount,ValidFrom,Currency"
    header += ",CpuCount\n" if line.endswith("8") else "\n"
    with pytest.raises(ConfigError, match=names):
        load(tmp_path, header + line + "\n", "prices.csv")


def test_a_file_that_is_no_csv_is_a_sentence(tmp_path: Path) -> None:
    text = "InstanceID,AssetClass,InstanceType,MarketPriceHourly\n" + "x" * 200_000 + ",gpu,,1\n"
    with pytest.raises(ConfigError, match="comma-separated"):
        load(tmp_path, text, "prices.csv")


days = st.integers(0, 9).map(lambda d: START + timedelta(days=d))
matches = st.fixed_dictionaries(
    {}, optional={"gpu_model": st.sampled_from(["T4", "L4"]), "region": st.sampled_from(["eu-1", "us-1"])}
)


@st.composite
def rows(draw: st.DrawFn, number: int) -> Price:
    match = tuple(draw(matches).items())
    currency = draw(st.sampled_from(["USD", "USD", "EUR"]))
    amount = Decimal(draw(st.integers(1, 999))) / 100
    return Price(f"prices[{number}]", match, amount, currency, draw(days))


def costs(book: PriceBook, until: datetime) -> list[object]:
    return [_cost(book, t) for day in range(10) if (t := START + timedelta(days=day)) < until]


def _cost(book: PriceBook, time: datetime) -> object:
    try:
        found = book.quote(T4, time, "USD")
    except ConfigError as error:
        return str(error)
    return found.effective if isinstance(found, Quote) else None


@given(st.data())
def test_a_row_that_is_added_never_changes_an_earlier_instant(data: st.DataObject) -> None:
    """Last month must cost tomorrow what it cost today."""
    held = tuple(data.draw(rows(i)) for i in range(data.draw(st.integers(0, 5))))
    added = data.draw(rows(9))
    try:
        before, after = PriceBook("a", held), PriceBook("b", (*held, added))
    except ConfigError:
        return
    assert added.valid_from is not None
    assert costs(before, added.valid_from) == costs(after, added.valid_from)


@given(st.data())
def test_spans_are_the_whole_window_and_say_what_each_instant_costs(data: st.DataObject) -> None:
    """A second with two prices is billed twice, one with none is not billed and not reported."""
    held = tuple(data.draw(rows(i)) for i in range(data.draw(st.integers(0, 4))))
    rates = (Rate("rates[0]", "EUR", "USD", Decimal("1.1"), data.draw(days)),)
    discounts = (Discount("discounts[0]", (("gpu_model", "T4"),), Decimal(7), data.draw(days)),)
    try:
        book = PriceBook("x", held, discounts, rates)
        spans = book.spans(T4, START, START + timedelta(days=10), "USD")
    except ConfigError:
        return
    edges = [START, *(s.end for s in spans)]
    assert [s.start for s in spans] == edges[:-1] and edges[-1] == START + timedelta(days=10)
    for span in spans:
        found = book.quote(T4, span.end - timedelta(minutes=1), "USD")
        assert (span.price and span.price.gpu_hour) == (found.effective if isinstance(found, Quote) else None)


amounts = st.decimals("0", "1000", places=7)


@given(amounts, st.integers(1, 16), st.decimals("0", "100", places=4), st.decimals("0.01", "300", places=8))
def test_discount_and_rate_are_exact(hour: Decimal, gpus: int, percent: Decimal, rate: Decimal) -> None:
    """To the billionth that exact fractions give, also where a division stands in the middle."""
    from pipeline.prices.amounts import instance

    cost = instance(hour, gpus)
    row = Price("p", (), cost.gpu_hour, "EUR")
    found = Quote(row, Discount("d", (), percent), Rate("r", "EUR", "USD", rate, START))
    exact = Fraction(hour) / gpus * (100 - Fraction(percent)) / 100 * Fraction(rate)
    assert found.price.nano_per_hour == round(exact * 10**9)
