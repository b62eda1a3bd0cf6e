"""The AWS price list of EC2: CSV under five lines of its own, on-demand instances, Linux and Windows."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from io import StringIO

from pipeline.prices.sources.offer import Offer, Page

PREAMBLE_LINES = 5
_SYSTEMS = {"Linux": "", "Windows": "windows"}
_WANTED = {
    "TermType": "OnDemand", "Unit": "Hrs", "Currency": "USD", "Tenancy": "Shared",
    "CapacityStatus": "Used", "Pre Installed S/W": "NA", "License Model": "No License required",
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
        system = row["Operating System"]
        if system not in _SYSTEMS or any(row[column] != value for column, value in _WANTED.items()):
            skipped["not on-demand, shared, Linux or Windows, used, hourly in USD"] += 1
        elif not row["GPU"].isdigit() or int(row["GPU"]) == 0:
            skipped["GPUs of the instance are unknown"] += 1
        else:
            name, source = row["Instance Type"], f"AWS price list, SKU {row['SKU']}"
            offers.append(
                Offer("aws", row["Region Code"], name, "", "on-demand", int(row["GPU"]),
                      Decimal(row["PricePerUnit"]), "USD", source, _SYSTEMS[system])
            )  # fmt: skip
    return Page(tuple(offers), skipped)
