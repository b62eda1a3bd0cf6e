"""Azure Retail Prices: a page of JSON, virtual machines by the hour, of Linux and Windows."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

from pipeline.prices.sources.offer import GPUS, Offer, Page

URL = "https://prices.azure.com/api/retail/prices?api-version=2023-01-01-preview&$filter="
FILTER = "serviceName eq 'Virtual Machines' and priceType eq 'Consumption' and armRegionName eq '{region}'"


def url(region: str) -> str:
    return URL + FILTER.format(region=region)


def parse(body: bytes) -> Page:
    """KeyError, TypeError or ValueError where it is not the shape of a page."""
    page = json.loads(body, parse_float=Decimal, parse_int=Decimal)
    skipped: Counter[str] = Counter()
    offers = []
    for item in page["Items"]:
        reason = _unfit(item)
        if reason:
            skipped[reason] += 1
            continue
        capacity = "spot" if item["meterName"].endswith(" Spot") else "on-demand"
        name, hour = item["armSkuName"], Decimal(item["retailPrice"])
        where, source = item["armRegionName"], f"Azure Retail Prices, {item['skuName']}"
        system = "windows" if "Windows" in item["productName"] else ""
        gpus, currency = GPUS["azure"][name], item["currencyCode"]
        offers.append(Offer("azure", where, name, "", capacity, gpus, hour, currency, source, system))
    return Page(tuple(offers), skipped, page.get("NextPageLink") or "")


def _unfit(item: dict[str, str]) -> str:
    if item["type"] != "Consumption" or item["unitOfMeasure"] != "1 Hour":
        return "not an hourly consumption price"
    if "Low Priority" in item["meterName"]:
        return "low priority"
    return "" if item["armSkuName"] in GPUS["azure"] else "GPUs of the instance are unknown"
