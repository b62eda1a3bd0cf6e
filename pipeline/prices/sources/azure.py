"""Azure Retail Prices: a page of JSON, virtual machines by the hour, of Linux and Windows."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pipeline.prices.sources.counts import AZURE
from pipeline.prices.sources.offer import Offer, Page

URL = "https://prices.azure.com/api/retail/prices?api-version=2023-01-01-preview&$filter="
FILTER = "serviceName eq 'Virtual Machines' and priceType eq 'Consumption' and armRegionName eq '{region}'"
_OTHER_PRODUCT = re.compile(r"Cloud ?Services|Dedicated Host", re.IGNORECASE)
"""Products with the name of a virtual machine's size, and a price of their own."""


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
        capacity = "spot" if _of(item, "Spot") else "on-demand"
        name, hour = item["armSkuName"], Decimal(item["retailPrice"])
        where, source = item["armRegionName"], f"Azure Retail Prices, {item['skuName']}"
        system = "windows" if "Windows" in item["productName"] else ""
        starts, ends = _time(item.get("effectiveStartDate")), _time(item.get("effectiveEndDate"))
        offers.append(
            Offer("azure", where, name, "", capacity, AZURE[name.lower()], hour, item["currencyCode"], source,
                  system, starts, ends)
        )  # fmt: skip
    return Page(tuple(offers), skipped, page.get("NextPageLink") or "")


def _unfit(item: dict[str, Any]) -> str:
    if item["type"] != "Consumption" or item["unitOfMeasure"] != "1 Hour":
        return "not an hourly consumption price"
    if item.get("serviceName", "Virtual Machines") != "Virtual Machines" or _OTHER_PRODUCT.search(
        item["productName"]
    ):
        return "no virtual machine: cloud services, dedicated hosts, other services"
    if _of(item, "Low Priority"):
        return "low priority"
    return "" if (item["armSkuName"] or "").lower() in AZURE else "GPUs of the instance are unknown"


def _of(item: dict[str, Any], option: str) -> bool:
    return any(item[name].endswith(f" {option}") for name in ("meterName", "skuName"))


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None) if text else None
