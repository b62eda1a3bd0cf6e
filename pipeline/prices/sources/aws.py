"""The AWS price list of EC2, CSV or JSON: on-demand instances, Linux and Windows."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from io import StringIO
from math import ceil
from typing import Any

from pipeline.prices.sources.counts import AWS
from pipeline.prices.sources.offer import Offer, Page

_MOST_PREAMBLE_LINES = 20
_SYSTEMS = {"Linux": "", "Windows": "windows"}
_WANTED = {
    "TermType": "OnDemand", "Unit": "Hrs", "Tenancy": "Shared", "CapacityStatus": "Used",
    "Pre Installed S/W": "NA", "License Model": "No License required", "MarketOption": "OnDemand",
}  # fmt: skip
_LATER = ("MarketOption",)
"""Columns that lists of some years ago do not have."""
_ATTRIBUTES = {
    "Tenancy": "tenancy", "CapacityStatus": "capacitystatus", "Pre Installed S/W": "preInstalledSw",
    "License Model": "licenseModel", "MarketOption": "marketoption", "Operating System": "operatingSystem",
    "Instance Type": "instanceType", "GPU": "gpu", "Region Code": "regionCode",
}  # fmt: skip
"""The columns of the CSV, and the attributes of a product in the JSON."""


def url(region: str) -> str:
    """China's regions have a list of their own, in CNY."""
    host, part = ("pricing.us-east-1.amazonaws.com", "aws")
    if region.startswith("cn-"):
        host, part = "pricing.cn-north-1.amazonaws.com.cn", "cn"
    return f"https://{host}/offers/v1.0/{part}/AmazonEC2/current/{region}/index.csv"


def parse(body: bytes) -> Page:
    """KeyError or ValueError where it is not the shape of the list."""
    skipped: Counter[str] = Counter()
    offers = []
    is_json = body.lstrip(b"\xef\xbb\xbf \r\n")[:1] in (b"{", b"[")
    for row in _products(json.loads(body)) if is_json else _lines(body):
        system, name = row["Operating System"], row["Instance Type"]
        if system not in _SYSTEMS or any(
            row.get(column, value if column in _LATER else "") != value for column, value in _WANTED.items()
        ):
            skipped["not on-demand, shared, Linux or Windows, used and hourly"] += 1
        elif (gpus := _count(row.get("GPU") or "") or AWS.get(name, 0)) == 0:
            skipped["GPUs of the instance are unknown"] += 1
        else:
            source = f"AWS price list, SKU {row['SKU']}"
            offers.append(
                Offer("aws", row["Region Code"], name, "", "on-demand", gpus, Decimal(row["PricePerUnit"]),
                      row["Currency"], source, _SYSTEMS[system])
            )  # fmt: skip
    return Page(tuple(offers), skipped)


def _count(text: str) -> int:
    """Of a part of a GPU one, since its node has one device; 0 where none is counted."""
    return ceil(Decimal(text)) if text.replace(".", "", 1).isdigit() else 0


def _lines(body: bytes) -> Iterator[Mapping[str, str]]:
    """Under lines of the list's own, as many as it has."""
    lines = StringIO(body.decode("utf-8-sig"), newline="")
    for _ in range(_MOST_PREAMBLE_LINES):
        start = lines.tell()
        if next(csv.reader([lines.readline()]), [""])[0] == "SKU":
            lines.seek(start)
            return iter(csv.DictReader(lines))
    raise ValueError("no line that begins with SKU")


def _products(content: Any) -> Iterator[Mapping[str, str]]:
    """An offer file's products with their terms, or what GetProducts answers, as lines of the CSV."""
    for sku, attributes, kind, terms in _terms(content):
        row = {column: attributes.get(name, "") for column, name in _ATTRIBUTES.items()}
        if "marketoption" not in attributes:
            del row["MarketOption"]
        for term in terms:
            for dimension in term["priceDimensions"].values():
                for currency, price in dimension["pricePerUnit"].items():
                    own = {"SKU": sku, "TermType": kind, "Unit": dimension["unit"]}
                    yield row | own | {"Currency": currency, "PricePerUnit": price}


def _terms(content: Any) -> Iterator[tuple[str, Mapping[str, str], str, Iterable[Any]]]:
    if isinstance(content, dict) and "products" in content:
        for kind, by_sku in content["terms"].items():
            for sku, terms in by_sku.items():
                yield sku, content["products"][sku]["attributes"], kind, terms.values()
        return
    for item in content["PriceList"] if isinstance(content, dict) else content:
        entry = json.loads(item) if isinstance(item, str) else item
        for kind, terms in entry["terms"].items():
            yield entry["product"]["sku"], entry["product"]["attributes"], kind, terms.values()
