"""A month's charges in FOCUS 1.2 and 1.4, CSV and Parquet: a row a charge, and the devices they split."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import ROUND_FLOOR, Context, Decimal
from io import BytesIO, StringIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.answers.window import month as month_of
from pipeline.months.charge import ADJUSTMENT, BY, CORRECTION, MARKUP, TAX, USAGE, Charge
from reports.focus_columns import COMMON, DECIMALS, ONLY, VERSIONS
from reports.statement import Statement

__all__ = ["VERSIONS", "files", "rows"]

ISSUER = "Driftledger"
_CATEGORY = {USAGE: "Usage", CORRECTION: "Usage", ADJUSTMENT: "Adjustment", MARKUP: "Adjustment", TAX: "Tax"}
_STEP = Decimal("1e-12")
_WIDE = Context(prec=40)
Row = dict[str, Any]
ONE_CHARGE = ("ResourceId", "ChargePeriodStart", "ChargeClass", "BillingCurrency")
"""What the rows that split one charge of a device have in common."""
_OF_ONE = ("SubAccountId", "SubAccountName", "SubAccountType", "x_Team", "x_Workload", "x_ModelVersion",
           "x_UsedCost", "x_IdleCost")  # fmt: skip
"""What they have not: a device is nobody's alone."""


def files(of: Statement, version: str) -> Iterator[tuple[str, bytes]]:
    """(name, bytes): charges as CSV and Parquet; from 1.3 on so the origin charges too that they split."""
    stem = f"focus-{version}-{of.month.start:%Y-%m}"
    made = rows(of, version)
    yield f"{stem}.csv", _csv(made, version)
    yield f"{stem}.parquet", _parquet(made, version)
    if "AllocatedMethodId" in ONLY[version]:
        split = origins(made)
        yield f"{stem}-origin.csv", _csv(split, version)
        yield f"{stem}-origin.parquet", _parquet(split, version)


def rows(of: Statement, version: str) -> list[Row]:
    """A row a priced charge: what has no price is on the statement, and in no cost.

    BilledCost is the statement's amount, in cents; the other costs are exact.
    """
    priced = [c for c in of.charges if c.amount is not None]
    ratios = _ratios(priced) if "AllocatedMethodId" in ONLY[version] else {}
    names = (*COMMON, *ONLY[version])
    made = [{**_row(of, c), **_split(of, c, ratios.get(i))} for i, c in enumerate(priced)]
    return [{name: row.get(name) for name in names} for row in made]


def origins(made: list[Row]) -> list[Row]:
    """The charge of each device that rows of `made` split: their sums, with what they share."""
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in made:
        if row["AllocatedMethodId"]:
            found[tuple(row[name] for name in ONE_CHARGE)].append(row)
    return [_origin(group) for group in found.values()]


def _origin(group: list[Row]) -> Row:
    summed = [name for name in DECIMALS if group[0][name] is not None]
    sums = {name: sum((r[name] for r in group), Decimal(0)) for name in summed}
    own = {name: None for name in group[0] if name.startswith("Allocated")}
    tags = {"Tags": json.dumps({}), "ChargeDescription": f"GPU {group[0]['ResourceId']}"}
    return {**group[0], **sums, **own, **tags, **dict.fromkeys(_OF_ONE)}


def _row(of: Statement, c: Charge) -> Row:
    key = dict(zip(BY, c.key, strict=True))
    own = month_of(c.charge_month.year, c.charge_month.month)
    cost = c.cost if c.kind in (USAGE, CORRECTION) else c.amount
    is_gpu = c.kind in (USAGE, CORRECTION)
    hours = c.hours[0] + c.hours[4] if is_gpu else None
    tags = {name: key[name] for name in ("team", "cost_centre", "environment", "model") if key[name]}
    return {
        "BilledCost": c.amount, "EffectiveCost": cost, "ListCost": cost, "ContractedCost": cost,
        "BillingAccountId": "driftledger", "BillingAccountName": "GPU chargeback",
        "BillingAccountType": "Ledger",
        "BillingCurrency": c.currency, "PricingCurrency": c.currency,
        "BillingPeriodStart": _time(of.month.start), "BillingPeriodEnd": _time(of.month.end),
        "ChargePeriodStart": _time(own.start), "ChargePeriodEnd": _time(own.end),
        "ChargeCategory": _CATEGORY[c.kind], "ChargeClass": "Correction" if c.kind == CORRECTION else None,
        "ChargeDescription": _said(c, key), "ChargeFrequency": "Usage-Based" if is_gpu else "One-Time",
        "InvoiceIssuerName": ISSUER, "ServiceProviderName": ISSUER, "HostProviderName": ISSUER,
        "ProviderName": ISSUER, "PublisherName": ISSUER, "InvoiceId": of.hash[:16] or None,
        "ServiceCategory": "AI and Machine Learning", "ServiceSubcategory": "AI Platforms",
        "ServiceName": "GPU time",
        "PricingCategory": "Standard" if is_gpu else None,
        "PricingQuantity": hours, "PricingUnit": "GPU Hours" if is_gpu else None,
        "ConsumedQuantity": hours, "ConsumedUnit": "GPU Hours" if is_gpu else None,
        "ResourceId": f"{key['cluster']}/{key['device']}" if is_gpu else None,
        "ResourceName": key["device"] if is_gpu else None, "ResourceType": "GPU" if is_gpu else None,
        "SubAccountId": key["namespace"] or None, "SubAccountName": key["namespace"] or None,
        "SubAccountType": "Namespace" if key["namespace"] else None,
        "Tags": json.dumps(tags, sort_keys=True),
        "x_Team": key["team"], "x_Workload": key["workload"] or None,
        "x_ModelVersion": key["model_version"] or None,
        "x_UsedCost": c.costs[0] if is_gpu and c.costs else None,
        "x_IdleCost": sum(c.costs[1:], Decimal(0)) if is_gpu and c.costs else None,
    }  # fmt: skip


def _said(c: Charge, key: Mapping[str, str]) -> str:
    if c.kind in (USAGE, CORRECTION):
        return f"{key['gpu_model'] or 'GPU'} {key['device']} for {key['workload'] or key['team']}"
    return f"{c.kind}: {c.detail}"


def _split(of: Statement, c: Charge, ratio: Decimal | None) -> Row:
    if ratio is None:
        return {}
    key = dict(zip(BY, c.key, strict=True))
    hours = c.hours[0] + c.hours[4]
    element = {"AllocatedRatio": float(ratio), "UsageUnit": "GPU Hours", "UsageQuantity": float(hours)}
    whose = "/".join(key[n] for n in ("cluster", "namespace", "workload") if key[n]) or key["team"]
    return {
        "AllocatedMethodId": of.rule,
        "AllocatedMethodDetails": _details(element, ratio),
        "AllocatedResourceId": whose,
        "AllocatedResourceName": key["workload"] or key["team"],
        "AllocatedTags": json.dumps({"team": key["team"]}),
    }


def _details(element: dict[str, Any], ratio: Decimal) -> str:
    """JSON with the ratio as it is, not as the nearest binary fraction."""
    text = json.dumps({"Elements": [{**element, "AllocatedRatio": 0}]})
    return text.replace('"AllocatedRatio": 0', f'"AllocatedRatio": {ratio:f}', 1)


def _ratios(charges: list[Charge]) -> dict[int, Decimal]:
    """The part of each charge in its device's of its month, by its number; those of one sum to exactly 1.

    Corrections of which some give and some take are no parts of one charge: they have none.
    """
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for i, c in enumerate(charges):
        if c.kind in (USAGE, CORRECTION):
            groups[c.kind, c.charge_month, c.currency, *c.key[7:9]].append(i)
    found: dict[int, Decimal] = {}
    for members in groups.values():
        costs = [charges[i].cost or Decimal(0) for i in members]
        whole = sum(costs, Decimal(0))
        if whole and all(cost * whole >= 0 for cost in costs):
            parts = [_WIDE.divide(cost, whole).quantize(_STEP, ROUND_FLOOR) for cost in costs]
            parts[-1] += 1 - sum(parts)
            found.update(zip(members, parts, strict=True))
    return found


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _csv(made: list[Row], version: str) -> bytes:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = (*COMMON, *ONLY[version])
    writer.writerow(names)
    for row in made:
        writer.writerow(_text(row[name]) for name in names)
    return out.getvalue().encode()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else str(value)


def _parquet(made: list[Row], version: str) -> bytes:
    names = (*COMMON, *ONLY[version])
    fields = [pa.field(n, pa.decimal128(38, 12) if n in DECIMALS else pa.string()) for n in names]
    out = BytesIO()
    pq.write_table(pa.Table.from_pylist(made, schema=pa.schema(fields)), out)
    return out.getvalue()
