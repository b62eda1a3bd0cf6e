"""The FOCUS files kept to the specification's own rules, column by column, in both versions."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Any

import pyarrow.parquet as pq
import pytest

from reports import focus
from reports.statement import Statement

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
NUMBER = r"-?\d+(\.\d+)?"
CODE = r"[A-Z]{3}"
TEXT = r"(?s).+"
Row = dict[str, str]


@dataclass(frozen=True)
class Rule:
    """`form` is what a value is; `null` says of which rows it may be, and must be, empty."""

    form: str
    null: Callable[[Row], bool] = lambda _: False


def without(name: str) -> Callable[[Row], bool]:
    return lambda row: not row[name]


def not_usage(row: Row) -> bool:
    return row["ChargeCategory"] != "Usage"


def is_whole(row: Row) -> bool:
    return not row.get("AllocatedMethodId")


RULES = {
    **dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"), Rule(NUMBER)),
    **dict.fromkeys(("BillingCurrency",), Rule(CODE)),
    **dict.fromkeys(
        ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"), Rule(TIME)
    ),
    **dict.fromkeys(
        ("BillingAccountId", "BillingAccountName", "BillingAccountType", "ChargeDescription", "InvoiceId",
         "InvoiceIssuerName", "ServiceName", "Tags"), Rule(TEXT)
    ),
    "ChargeCategory": Rule("Usage|Purchase|Tax|Credit|Adjustment"),
    "ChargeClass": Rule("Correction", lambda row: row["ChargeClass"] == ""),
    "ChargeFrequency": Rule("One-Time|Recurring|Usage-Based"),
    "PricingCategory": Rule("Standard|Dynamic|Committed|Other", not_usage),
    "PricingQuantity": Rule(NUMBER, not_usage),
    "PricingUnit": Rule("GPU Hours", without("PricingQuantity")),
    "ConsumedQuantity": Rule(NUMBER, not_usage),
    "ConsumedUnit": Rule("GPU Hours", without("ConsumedQuantity")),
    "ResourceId": Rule(TEXT, not_usage),
    "ResourceName": Rule(TEXT, without("ResourceId")),
    "ResourceType": Rule(TEXT, without("ResourceId")),
    "ServiceCategory": Rule("AI and Machine Learning"),
    "ServiceSubcategory": Rule("AI Platforms"),
    "SubAccountName": Rule(TEXT, without("SubAccountId")),
    "SubAccountType": Rule(TEXT, without("SubAccountId")),
}  # fmt: skip
"""FOCUS 1.2 and 1.4, Cost and Usage: of the columns both have, what every row keeps to."""
OF_VERSION = {
    "1.2": dict.fromkeys(("ProviderName", "PublisherName"), Rule(TEXT)),
    "1.4": {
        **dict.fromkeys(("ServiceProviderName", "HostProviderName"), Rule(TEXT)),
        **dict.fromkeys(
            ("AllocatedMethodDetails", "AllocatedResourceId", "AllocatedResourceName", "AllocatedTags"),
            Rule(TEXT, is_whole),
        ),
    },
}


def broken(rows: list[Row], version: str) -> list[str]:
    rules = RULES | OF_VERSION[version]
    return [
        f"{name} is {row[name]!r} in a row of {row['ChargeCategory']}"
        for row in rows
        for name, rule in rules.items()
        if (row[name] == "") != rule.null(row) or (row[name] and not re.fullmatch(rule.form, row[name]))
    ]


@pytest.mark.parametrize("version", focus.VERSIONS)
def test_every_row_keeps_to_every_rule(february: Statement, version: str) -> None:
    """What a loader refuses on the first of the month nobody has time to mend."""
    for name, content in focus.files(february, version):
        if not name.endswith(".csv"):
            continue
        rows = list(csv.DictReader(StringIO(content.decode())))
        assert rows and broken(rows, version) == []
        for row in rows:
            assert row["BillingPeriodStart"] < row["BillingPeriodEnd"], "the end is not in it"
            assert row["ChargePeriodStart"] < row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]
            assert isinstance(json.loads(row["Tags"]), dict)
    made = list(focus.rows(february, version))
    assert {row["ChargeClass"] for row in made} == {None, "Correction"}
    assert {str(row["BillingPeriodStart"])[:7] for row in made} == {"2026-02"}
    corrected = {str(r["ChargePeriodStart"])[:7] for r in made if r["ChargeClass"] == "Correction"}
    assert corrected == {"2026-01"}, "what is corrected is of the month in which it was used"


def test_a_rule_that_is_broken_is_found(february: Statement) -> None:
    (_, content), *_ = focus.files(february, "1.4")
    rows = list(csv.DictReader(StringIO(content.decode())))
    for name, value in (
        ("ChargeCategory", "Refund"), ("BilledCost", "1e3"), ("ChargePeriodStart", "2026-02-01"),
        ("SubAccountType", ""), ("ServiceProviderName", ""),
    ):  # fmt: skip
        assert broken([{**rows[0], name: value}], "1.4"), name


def test_the_origin_charges_are_nobodys_and_the_same_in_both_forms(february: Statement) -> None:
    """A device that teams share must not look like the first one's."""
    contents = dict(focus.files(february, "1.4"))
    table = pq.read_table(BytesIO(contents["focus-1.4-2026-02-origin.parquet"])).to_pylist()
    rows: list[dict[str, Any]] = focus.origins(focus.rows(february, "1.4"))
    nobodys = ("SubAccountId", "SubAccountType", "x_Team", "x_Workload", "x_ModelVersion")
    assert table == rows and all(row[name] is None for row in rows for name in nobodys)
    periods = {(row["ResourceId"], row["ChargePeriodStart"], row["ChargeClass"]) for row in rows}
    assert len(periods) == len(rows), "a month's charge of a device is one"
