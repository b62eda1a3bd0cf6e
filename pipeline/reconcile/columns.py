"""The columns of a bill: AWS's Cost and Usage Report, old (both spellings) and 2.0, and FOCUS 1.0 to 1.4."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from pipeline.errors import ConfigError


@dataclass(frozen=True)
class Columns:
    """Names by meaning, in lower case with underscores; of several the first that holds anything."""

    name: str
    start: str
    end: str
    cost: str
    currency: str
    kind: str
    usage_kinds: tuple[str, ...]
    sku: tuple[str, ...]
    resource: tuple[str, ...]
    quantity: tuple[tuple[str, str], ...]
    """Amounts and the columns of their units."""
    described: tuple[str, ...]
    """Where an instance type may stand."""


CUR = Columns(
    "AWS CUR",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
    "line_item_unblended_cost",
    "line_item_currency_code",
    "line_item_line_item_type",
    ("Usage", "DiscountedUsage", "SavingsPlanCoveredUsage"),
    ("line_item_usage_type", "product_sku"),
    ("line_item_resource_id",),
    (("line_item_usage_amount", "pricing_unit"),),
    ("product_instance_type", "line_item_usage_type"),
)
FOCUS = Columns(
    "FOCUS",
    "charge_period_start",
    "charge_period_end",
    "billed_cost",
    "billing_currency",
    "charge_category",
    ("Usage",),
    ("sku_meter", "sku_id", "charge_description"),
    ("resource_id", "resource_name"),
    (("consumed_quantity", "consumed_unit"), ("pricing_quantity", "pricing_unit")),
    (
        "sku_price_details",
        "x_instance_type",
        "x_sku_details",
        "x_usage_type",
        "sku_meter",
        "sku_id",
        "charge_description",
        "resource_type",
    ),
)
_REMEDY = "of Azure and Google choose an export as FOCUS"
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


_KNOWN = {
    _bare(name): name
    for form in (CUR, FOCUS)
    for field, value in vars(form).items()
    if field not in ("name", "usage_kinds")
    for part in ((value,) if isinstance(value, str) else value)
    for name in ((part,) if isinstance(part, str) else part)
}


def normal(name: str) -> str:
    """`lineItem/UsageStartDate` is `line_item_usage_start_date`; `BilledCost`, and `BILLEDCOST` as query
    engines write it, is `billed_cost`."""
    said = _HUMP.sub("_", name.strip().replace("/", "_").replace(":", "_")).lower().replace("__", "_")
    return _KNOWN.get(_bare(name), said)


def recognised(names: Collection[str], path: str) -> Columns:
    """Those whose times and cost are all there; ConfigError names what is missing."""
    there = {normal(name) for name in names}
    missing = {}
    for columns in (CUR, FOCUS):
        needed = (columns.start, columns.end, columns.cost, columns.currency)
        missing[columns.name] = [name for name in needed if name not in there]
        if not missing[columns.name]:
            return columns
    lacks = "; ".join(f"as {name} it lacks {', '.join(absent)}" for name, absent in missing.items())
    raise ConfigError("--bill", path, f"this is no bill of a known form: {lacks}; {_REMEDY}")
