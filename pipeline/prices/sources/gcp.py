"""Google's billing catalogue: prices of one GPU by model and region, without the machine around it."""

from __future__ import annotations

import json
import re
from collections import Counter
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from pipeline.prices.sources.offer import Offer, Page

URL = "https://cloudbilling.googleapis.com/v1/services/6F81-5844-456A/skus?pageSize=5000"
_MODELS = {
    "Nvidia Tesla T4 GPU": "T4", "Nvidia L4 GPU": "L4", "Nvidia Tesla P100 GPU": "P100",
    "Nvidia Tesla V100 GPU": "V100", "Nvidia Tesla A100 GPU": "A100-40GB",
    "Nvidia Tesla A100 80GB GPU": "A100-80GB", "Nvidia H100 80GB GPU": "H100-80GB",
}  # fmt: skip
"""What a description calls a GPU; any other is skipped."""
_CAPACITY = {"OnDemand": "on-demand", "Preemptible": "spot"}
_NAMED = re.compile(r"(.+? GPU)(?: attached to Spot Preemptible VMs)? running in .+")


def parse(body: bytes) -> Page:
    """KeyError, TypeError or ValueError where it is not the shape of a page."""
    page = json.loads(body)
    skipped: Counter[str] = Counter()
    offers: list[Offer] = []
    for sku in page["skus"]:
        named = _NAMED.fullmatch(sku["description"])
        capacity = _CAPACITY.get(sku["category"]["usageType"])
        if sku["category"]["resourceGroup"] != "GPU" or capacity is None:
            skipped["no GPU, or a commitment"] += 1
        elif named is None or named[1] not in _MODELS:
            skipped["the GPU's model is unknown"] += 1
        elif (price := _hourly(sku)) is None:
            skipped["not one price an hour"] += 1
        else:
            model, source = _MODELS[named[1]], f"Google billing catalogue, SKU {sku['skuId']}, GPU only"
            offers += [
                Offer("gcp", region, "", model, capacity, 1, *price, source)
                for region in sku["serviceRegions"]
            ]
    token = page.get("nextPageToken") or ""
    return Page(tuple(offers), skipped, f"&pageToken={quote(token)}" if token else "")


def _hourly(sku: dict[str, Any]) -> tuple[Decimal, str] | None:
    expression = sku["pricingInfo"][0]["pricingExpression"]
    if expression["usageUnit"] != "h" or len(expression["tieredRates"]) != 1:
        return None
    price = expression["tieredRates"][0]["unitPrice"]
    return Decimal(price["units"]) + Decimal(price["nanos"]).scaleb(-9), price["currencyCode"]
