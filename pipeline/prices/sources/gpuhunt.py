"""A catalogue in gpuhunt's shape: CSV rows of instances with their GPUs, all clouds alike, in USD."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from io import StringIO

from pipeline.prices.sources.offer import Offer, Page


def parse(body: bytes, provider: str) -> Page:
    """The file of one provider; KeyError or ValueError where it is not of that shape."""
    skipped: Counter[str] = Counter()
    offers = []
    for row in csv.DictReader(StringIO(body.decode("utf-8"))):
        if not row["gpu_count"].isdigit() or int(row["gpu_count"]) == 0:
            skipped["no GPU"] += 1
            continue
        capacity = "spot" if row["spot"].lower() == "true" else "on-demand"
        offers.append(
            Offer(provider, row["location"], row["instance_name"], "", capacity, int(row["gpu_count"]),
                  Decimal(row["price"]), "USD", f"gpuhunt catalogue, {provider}")
        )  # fmt: skip
    return Page(tuple(offers), skipped)
