"""A bill and the ledger: what finance is shown adds up on both sides, and each difference has a name."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import ConfigError, NotFound
from pipeline.reconcile.bill import Line, Refused, read
from pipeline.reconcile.compare import Category, NodeDay, compare, node_of
from tests.cost_rows import allocation, at, device, ledger

P5 = "BoxUsage:p5.48xlarge"
CUR = (
    "line_item_usage_start_date", "line_item_usage_end_date", "line_item_line_item_type",
    "line_item_usage_type", "line_item_resource_id", "line_item_usage_amount", "pricing_unit",
    "line_item_unblended_cost", "line_item_currency_code", "product_instance_type",
)  # fmt: skip
OLD = (
    "lineItem/UsageStartDate", "lineItem/UsageEndDate", "lineItem/LineItemType", "lineItem/UsageType",
    "lineItem/ResourceId", "lineItem/UsageAmount", "pricing/unit", "lineItem/UnblendedCost",
    "lineItem/CurrencyCode", "product/instanceType",
)  # fmt: skip
FOCUS = (
    "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "SkuMeter", "ResourceId", "ConsumedQuantity",
    "ConsumedUnit", "BilledCost", "BillingCurrency", "SkuPriceDetails",
)  # fmt: skip


def charge(
    node: str, cost: str, hours: str = "24", day: int = 5, kind: str = "Usage", usage: str = P5,
    unit: str = "Hrs", currency: str = "USD",
) -> tuple[str, ...]:  # fmt: skip
    start, end = f"2026-10-{day:02}T00:00:00Z", f"2026-10-{day + 1:02}T00:00:00Z"
    return (start, end, kind, usage, node, hours, unit, cost, currency, usage.partition(":")[2])


BILL = [
    charge("n", "48"),
    charge("arn:aws:ec2:us-east-1:1:instance/m", "50", hours="24"),
    charge("i-0abc", "23", hours="12"),
    charge("i-unknown", "99.000000001"),
    charge("vol-1", "1.5", usage="EBS:VolumeUsage.gp3", unit="GB-Mo"),
    charge("i-cpu", "3", usage="BoxUsage:m5.large"),
    charge("", "7", kind="Tax"),
    charge("i-eu", "5", currency="EUR"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Four nodes with a card each for a day, at two dollars an hour."""
    found = tmp_path_factory.mktemp("reconcile")
    cards = [device(f"gpu-{name}", at(0), at(24), node=name) for name in ("n", "m", "half", "own")]
    ledger(found / "ledger", devices=cards, allocations=[allocation("gpu-n", "x", at(0), at(5))]).close()
    yield found


def written(folder: Path, names: Sequence[str], rows: Sequence[Sequence[str]], form: str) -> Path:
    path = folder / f"{names[0].replace('/', '-')}.{form}"
    if form == "parquet":
        pq.write_table(pa.table({n: [r[i] for r in rows] for i, n in enumerate(names)}), path)
        return path
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *rows])
    return path


def asked(folder: Path, bill: Path, *more: str) -> tuple[int, dict[str, Any]]:
    words = ["reconcile", "--bill", str(bill), "--store", str(folder / "ledger"), "--gpu-hour-price", "2"]
    result = CliRunner().invoke(app.app, [*words, "--node", "i-0abc=half", "-o", "json", *more])
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.parametrize(
    ("names", "form"),
    [
        (CUR, "csv"),
        (CUR, "parquet"),
        (OLD, "csv"),
        (FOCUS, "csv"),
        (FOCUS, "parquet"),
        (tuple(n.lower() for n in FOCUS), "parquet"),
        (tuple(n.upper() for n in FOCUS), "csv"),
    ],
)
def test_every_form_of_bill_gives_the_same_parts(folder: Path, names: Sequence[str], form: str) -> None:
    """Counted by hand: 48 a node and day in the ledger, against what was billed."""
    code, found = asked(folder, written(folder, names, BILL, form))
    usd = {r["category"]: r for r in found["rows"] if r["currency"] == "USD"}
    amounts = {name: (Decimal(r["bill"]), Decimal(r["ledger"])) for name, r in usd.items()}
    assert code == 0
    assert amounts == {
        "matched": (Decimal(144), Decimal(144)),
        "hours_differ": (Decimal(-24), Decimal(0)),
        "price_differs": (Decimal(1), Decimal(0)),
        "no_such_node": (Decimal("99.000000001"), Decimal(0)),
        "not_in_bill": (Decimal(0), Decimal(48)),
        "not_gpu": (Decimal("11.5"), Decimal(0)),
    }
    assert Decimal(found["total"]["bill"]) == Decimal("231.500000001")
    assert Decimal(found["total"]["ledger"]) == Decimal(192)
    assert [r["bill"] for r in found["rows"] if r["currency"] == "EUR"] == ["5"]


def test_it_can_be_split_by_day_sku_and_resource(folder: Path) -> None:
    path = written(folder, CUR, BILL, "csv")
    _, found = asked(folder, path, "--by", "day,sku,resource,category")
    row = next(r for r in found["rows"] if r["resource"] == "i-unknown")
    assert (row["day"], row["sku"], row["category"]) == ("2026-10-05T00:00:00Z", P5, "no_such_node")
    assert sum(Decimal(r["bill"]) for r in found["rows"] if r["currency"] == "USD") == Decimal(
        "231.500000001"
    )


def test_bad_rows_are_counted_and_named_and_the_rest_compared(folder: Path) -> None:
    """One broken line of millions must not hide the month."""
    bad = [("soon", *BILL[0][1:]), (*BILL[0][:7], "NaN", *BILL[0][8:]), BILL[0][:3]]
    code, found = asked(folder, written(folder, CUR, [*bad, BILL[0]], "csv"))
    assert code == 7
    assert "3 rows of the bill cannot be read" in found["notes"][0] and "row 1: " in found["notes"][0]
    assert Decimal(found["total"]["bill"]) == 48


def test_what_is_no_bill_says_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(
        ConfigError, match="as AWS CUR it lacks line_item_usage_start_date.*FOCUS it lacks.*Azure and Google"
    ):
        list(read(path))
    with pytest.raises(NotFound):
        list(read(tmp_path / "none.csv"))
    path.write_bytes(b"PAR1 but no more")
    with pytest.raises(ConfigError, match="cannot be read"):
        list(read(path))


def test_another_column_of_costs_can_be_chosen(folder: Path) -> None:
    """Who amortises reservations compares with the effective cost."""
    rows = [(*BILL[0], "40")]
    path = written(folder, (*CUR, "reservation_effective_cost"), rows, "csv")
    (line,) = read(path, "reservation/EffectiveCost")
    assert not isinstance(line, Refused) and line.cost == 40 and line.hours == 24
    with pytest.raises(ConfigError, match="cost-column"):
        list(read(path, "price"))


days = st.integers(0, 2).map(lambda n: date(2026, 10, 5) + timedelta(days=n))
named = st.sampled_from(["n", "m", "x/n", "i-1", "", "other"])
amounts = st.integers(-(10**15), 10**15).map(lambda n: Decimal(n).scaleb(-12))
hours = st.one_of(st.none(), st.integers(0, 96).map(lambda n: Decimal(n) / 4))
lines = st.builds(
    Line, days, st.sampled_from(["sku", "tax"]), named, amounts, st.sampled_from(["USD", "EUR"]), hours,
    st.just(""), st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
money = st.integers(0, 10**13).map(lambda n: Decimal(n).scaleb(-9))
node_days = st.dictionaries(
    st.tuples(days, st.sampled_from(["n", "m", "own"])),
    st.builds(NodeDay, st.integers(0, 96).map(lambda n: Decimal(n) / 4), st.one_of(st.none(), money)),
)


@given(st.lists(lines, max_size=12), node_days)
def test_the_parts_sum_to_the_bill_and_to_the_ledger(bill: list[Line], ours: dict[Any, NodeDay]) -> None:
    """No amount is lost, none counted twice, whatever the bill says."""
    parts = compare(bill, ours, {"i-1": "m"}, "USD")
    for currency in ("USD", "EUR"):
        found = sum((p.bill for p in parts if p.currency == currency), Decimal(0))
        assert found == sum((line.cost for line in bill if line.currency == currency), Decimal(0))
    assert sum((p.ledger for p in parts), Decimal(0)) == sum((n.cost or 0 for n in ours.values()), Decimal(0))
    assert all(p.bill == p.ledger for p in parts if p.category is Category.matched)


def test_what_no_price_explains_has_a_name_of_its_own() -> None:
    """A second charge on the node, or a ledger without half its prices, is no other price of the vendor."""
    day = date(2026, 10, 5)

    def line(cost: str, hours: str | None, sku: str = "p5", is_gpu: bool = True) -> Line:
        amount = None if hours is None else Decimal(hours)
        return Line(day, sku, "n", Decimal(cost), "USD", amount, is_gpu=is_gpu)

    def named(lines: list[Line], **more: Any) -> dict[Category, tuple[Decimal, Decimal]]:
        node = NodeDay(Decimal(24), Decimal(48), **more)
        parts = compare(lines, {(day, "n"): node}, {}, "USD")
        return {part.category: (part.bill, part.ledger) for part in parts}

    both = (Decimal(48), Decimal(48))
    assert named([line("72", "24")]) == {Category.matched: both, Category.price_differs: (24, 0)}
    assert named([line("48", "24"), line("5", "0", "licence")]) == {
        Category.matched: both, Category.unexplained: (5, 0),
    }  # fmt: skip
    assert named([line("72", "24")], is_whole=False) == {
        Category.matched: both,
        Category.unexplained: (24, 0),
    }
    month = replace(line("1440", None), is_of_one_day=False)
    assert named([month]) == {Category.longer_than_a_day: (1440, 0), Category.not_in_bill: (0, 48)}
    assert named([month, line("48", "24")]) == {Category.matched: both, Category.not_gpu: (1440, 0)}
    assert named([line("60", None)]) == {Category.matched: both, Category.unexplained: (12, 0)}
    parts = [line("30", "192", "H100"), line("20", "4992", "A3 core")]
    assert named(parts) == {Category.matched: both, Category.unexplained: (2, 0)}, (
        "hours of GPUs and of cores"
    )
    sent = [line("48", "24"), line("3", None, "DataTransfer")]
    assert named(sent) == {Category.matched: both, Category.not_gpu: (3, 0)}


@pytest.mark.parametrize(
    "described",
    [
        "BoxUsage:p5.48xlarge", "USE2-BoxUsage:p6-b200.48xlarge", "p6e-gb200.36xlarge",
        "BoxUsage:gr6.4xlarge", "EUW1-BoxUsage:g6f.large", "trn2.48xlarge",
        '{"ServiceType":"Standard_ND96isr_H200_v5"}',
        "a3-megagpu-8g", "a4x-highgpu-4g", "g4-standard-48", "ct6e-standard-4t",
    ],
)  # fmt: skip
def test_a_gpu_instance_is_known_by_its_type(tmp_path: Path, described: str) -> None:
    """A family that is not known would hide its hours among other services.

    The times are BigQuery's, the missing texts a database's, and the gzip has no name of one.
    """
    names = ("ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "BilledCost", "BillingCurrency",
             "ConsumedQuantity", "ConsumedUnit", "ResourceId", "SkuMeter", "ChargeDescription")  # fmt: skip
    row = (
        "2026-10-05 00:00:00 UTC",
        "2026-10-06 00:00:00 UTC",
        "Usage",
        "48",
        "USD",
        "24",
        "Hours",
        "NULL",
        "NULL",
    )
    path = tmp_path / "bill.csv"
    path.write_bytes(gzip.compress(written(tmp_path, names, [(*row, described)], "csv").read_bytes()))
    (line,) = read(path)
    assert isinstance(line, Line) and line.is_gpu and line.is_of_one_day and line.instance_type in described
    assert (line.day, line.hours, line.resource, line.sku) == (date(2026, 10, 5), 24, "", described)


def test_a_machine_in_capitals_is_its_node() -> None:
    """Azure's export writes one machine's id in small letters on one day and in capitals on the next."""
    machine = "/SUBSCRIPTIONS/1/RESOURCEGROUPS/AI/PROVIDERS/MICROSOFT.COMPUTE/VIRTUALMACHINES/GPU-NODE-0"
    assert node_of(machine, {}, {"gpu-node-0"}) == "gpu-node-0"
    assert node_of(machine, {machine: "other"}, {"gpu-node-0"}) == "other"


def test_a_bill_of_other_days_says_so(folder: Path) -> None:
    """Who asks with the wrong month's file was told to leave out an option that there is not."""
    code, found = asked(
        folder, written(folder, CUR, [charge("n", "48", day=9), charge("n", "48", day=11)], "csv")
    )
    assert (
        code == 0
        and "the ledger has no GPU on the days of the bill, 2026-10-09 to 2026-10-11" in found["notes"]
    )
    assert not [note for note in found["notes"] if "--window" in note]
