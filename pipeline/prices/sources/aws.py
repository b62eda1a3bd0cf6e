"""The AWS price list of EC2: CSV under five lines of its own, on-demand Linux instances with their GPUs."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from io import StringIO

from pipeline.prices.sources.offer import Offer, Page

PREAMBLE_LINES = 5
_WANTED = {
    "TermType": "OnDemand", "Unit": "Hrs", "Currency": "USD", "Tenancy": "Shared",
    "Operating System": "Linux", "CapacityStatus": "Used", "Pre Installed S/W": "NA",
}  # fmt: skip


def url(region: str) -> str:
    return f"https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonEC2/current/{region}/index.csv"


def parse(body: bytes) -> Page:
    """KeyError or ValueError where it is not the shape of the list."""
    lines = StringIO(body.decode("utf-8"))
    for _ in range(PREAMBLE_LINES):
        lines.readline()
    skipped: Counter[str] = Counter()
    offers = []
    for row in csv.DictReader(lines):
        if any(row[column] != value for column, value in _WANTED.items()):
            skipped["not on-demand, shared, Linux, used, hourly in USD"] += 1
        elif not row["GPU"].isdigit() or int(row["GPU"]) == 0:
            skipped["GPUs of the instance are unknown"] += 1
        else:
            name = row["Instance Type"]
            offers.append(
                Offer("aws", row["Region Code"], name, "", "on-demand", int(row["GPU"]),
                      Decimal(row["PricePerUnit"]), "USD", f"AWS price list, SKU {row['SKU']}")
            )  # fmt: skip
    return Page(tuple(offers), skipped)
