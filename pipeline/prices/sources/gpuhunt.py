"""A catalogue in gpuhunt's shape: CSV rows of instances with their GPUs, all clouds alike, in USD."""

from __future__ import annotations

import csv
import re
from collections import Counter
from decimal import Decimal
from io import BytesIO, StringIO
from zipfile import ZipFile

from pipeline.prices.sources.offer import Offer, Page

_ZIP = b"PK\x03\x04"
_ZONE = re.compile(r"(?<=\d)-[a-z]$")
"""The end of a zone of Google's, whose prices are those of its region."""


def parse(body: bytes, provider: str) -> Page:
    """The file of a provider, or the catalogue with it; KeyError or ValueError where it is neither."""
    skipped: Counter[str] = Counter()
    offers = []
    if body.startswith(_ZIP):
        with ZipFile(BytesIO(body)) as catalogue:
            body = catalogue.read(f"{provider}.csv")
    for row in csv.DictReader(StringIO(body.decode("utf-8-sig"))):
        gpus = row["gpu_count"].strip()
        if not gpus or Decimal(gpus) < 1:
            skipped["no GPU"] += 1
            continue
        capacity = "spot" if row["spot"].strip().lower() == "true" else "on-demand"
        where = _ZONE.sub("", row["location"]) if provider == "gcp" else row["location"]
        offers.append(
            Offer(provider, where, row["instance_name"], "", capacity, int(Decimal(gpus)),
                  Decimal(row["price"]), "USD", f"gpuhunt catalogue, {provider}")
        )  # fmt: skip
    return Page(tuple(offers), skipped)
