"""Google's billing catalogue: prices of one GPU by model and region, and of the cores and GiB around it."""

from __future__ import annotations

import json
import re
from collections import Counter
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from pipeline.prices.sources.offer import Offer, Page

URL = "https://cloudbilling.googleapis.com/v1/services/6F81-5844-456A/skus?pageSize=5000"
_MEGA = "a3-megagpu-8g"
_MODELS = {
    "Nvidia Tesla K80 GPU": ("K80", ""), "Nvidia Tesla P4 GPU": ("P4", ""),
    "Nvidia Tesla P100 GPU": ("P100", ""), "Nvidia Tesla V100 GPU": ("V100", ""),
    "Nvidia Tesla T4 GPU": ("T4", ""), "Nvidia L4 GPU": ("L4", ""),
    "Nvidia Tesla A100 GPU": ("A100-40GB", ""), "Nvidia Tesla A100 80GB GPU": ("A100-80GB", ""),
    "Nvidia H100 80GB GPU": ("H100-80GB", ""), "Nvidia H100 80GB Mega GPU": ("H100-80GB", _MEGA),
    "Nvidia H100 Mega 80GB GPU": ("H100-80GB", _MEGA), "H200 141GB GPU": ("H200", ""),
    "Nvidia H200 141GB GPU": ("H200", ""), "A4 Nvidia B200 (1 gpu slice)": ("B200", ""),
    "RTX 6000 96GB": ("RTX PRO 6000", ""),
}  # fmt: skip
"""The model of what a description calls a GPU, and the machine that one of two prices is for."""
_CAPACITY = {"OnDemand": "on-demand", "Preemptible": "spot"}
_NAMED = re.compile(r"(Spot Preemptible )?(.+?)( attached to Spot Preemptible VMs)? running in .+")
_MACHINE = re.compile(
    r"(Spot Preemptible |Preemptible )?([A-Z]\d+[A-Z]?)( Predefined)?( AMD| Arm| Memory-optimized)?"
    r" Instance (Core|Ram) running in .+"
)
"""Cores and memory of a family of machines, as in A2 Instance Ram running in Americas."""
_RESOURCES = {"Core": ("cpu", "h"), "Ram": ("memory", "GiBy.h")}
_OTHER_TERMS = re.compile(r"\bReserved\b|\bDWS\b|Calendar Mode|Sole Tenancy|Commitment")


def parse(body: bytes) -> Page:
    """KeyError, TypeError or ValueError where it is not the shape of a page."""
    page = json.loads(body)
    skipped: Counter[str] = Counter()
    offers: list[Offer] = []
    for sku in page["skus"]:
        description = sku["description"]
        named = _NAMED.fullmatch(description)
        capacity = _CAPACITY.get(sku["category"]["usageType"])
        if sku["category"]["resourceGroup"] != "GPU":
            machine = _machine(sku, capacity)
            if isinstance(machine, str):
                skipped[machine] += 1
            else:
                offers += machine
        elif capacity is None or _OTHER_TERMS.search(description):
            skipped["neither on-demand nor spot: committed, reserved or scheduled"] += 1
        elif named is None or named[2] not in _MODELS:
            skipped["the GPU's model is unknown"] += 1
        elif (price := _hourly(sku)) is None:
            skipped["not one price an hour"] += 1
        else:
            model, machine = _MODELS[named[2]]
            part = "with its share of the machine" if "slice" in named[2] else "GPU only"
            source = f"Google billing catalogue, SKU {sku['skuId']}, {part}"
            capacity = "spot" if named[1] or named[3] else capacity
            offers += [
                Offer("gcp", region, machine, model, capacity, 1, *price, source)
                for region in sku["serviceRegions"]
            ]
    token = page.get("nextPageToken") or ""
    return Page(tuple(offers), skipped, f"&pageToken={quote(token)}" if token else "")


def _machine(sku: dict[str, Any], capacity: str | None) -> list[Offer] | str:
    """A core or GiB of a family in every region, or why it is left out."""
    found = _MACHINE.fullmatch(sku["description"])
    if found is None:
        return "no GPU, core or memory of a family of machines"
    if capacity is None or _OTHER_TERMS.search(sku["description"]):
        return "neither on-demand nor spot: committed, reserved or scheduled"
    resource, usage_unit = _RESOURCES[found[5]]
    price = _hourly(sku, usage_unit)
    if price is None:
        return "not one price an hour"
    capacity = "spot" if found[1] else capacity
    source, family = f"Google billing catalogue, SKU {sku['skuId']}", f"{found[2].lower()}-*"
    return [
        Offer("gcp", region, family, "", capacity, 1, *price, source, resource=resource)
        for region in sku["serviceRegions"]
    ]


def _hourly(sku: dict[str, Any], usage_unit: str = "h") -> tuple[Decimal, str] | None:
    """Of the newest of its prices; a zero may be left out of an amount."""
    if not sku["pricingInfo"]:
        return None
    expression = sku["pricingInfo"][-1]["pricingExpression"]
    if expression["usageUnit"] != usage_unit or len(expression["tieredRates"]) != 1:
        return None
    price = expression["tieredRates"][0]["unitPrice"]
    amount = Decimal(price.get("units") or 0) + Decimal(price.get("nanos") or 0).scaleb(-9)
    return amount, price["currencyCode"]
