"""New prices of a catalogue as lines for the end of an own CSV file: what is there is never touched."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from io import StringIO

from pipeline.errors import ConfigError
from pipeline.prices.amounts import instance
from pipeline.prices.match import Match, holds_at, same
from pipeline.prices.price import Price
from pipeline.prices.reading_csv import COLUMNS
from pipeline.prices.sources.offer import Offer

_WRITTEN = (
    "AssetClass", "Region", "InstanceType", "MarketPriceHourly", "Provider", "GpuModel", "GpuCount",
    "CapacityType", "Currency", "ValidFrom", "Source",
)  # fmt: skip
TWO_PRICES = "two prices for one kind of instance"
NO_PRICE = "a price of zero, which stands for none"
NOT_NOW = "a price of another time"


def changed(
    held: Sequence[Price], offers: Iterable[Offer], now: datetime
) -> tuple[list[Offer], Counter[str]]:
    """The offers whose price is not the one that `held` has now, and what was left out, by reason."""
    kinds: dict[tuple[str, ...], dict[Decimal, Offer]] = defaultdict(dict)
    skipped: Counter[str] = Counter()
    for offer in offers:
        if offer.hour <= 0:
            skipped[NO_PRICE] += 1
        elif not (offer.starts or now) <= now < (offer.ends or datetime.max):
            skipped[NOT_NOW] += 1
        else:
            kinds[offer.kind()][offer.hour] = offer
    for kind, found in kinds.items():
        newest = max(offer.starts or datetime.min for offer in found.values())
        kinds[kind] = {p: o for p, o in found.items() if (o.starts or datetime.min) == newest}
        skipped[NOT_NOW] += len(found) - len(kinds[kind])
    skipped[TWO_PRICES] = sum(len(found) for found in kinds.values() if len(found) > 1)
    current = {p.identity()[:2]: p.gpu_hour for p in held if holds_at(p, now) and not p.bought_gpus}
    single = [next(iter(found.values())) for found in kinds.values() if len(found) == 1]
    new = [o for o in single if current.get((_match(o), o.currency)) != instance(o.hour, o.gpus).gpu_hour]
    return sorted(new), +skipped


def lines(offers: Iterable[Offer], valid_from: datetime, columns: Sequence[str] = ()) -> str:
    """CSV rows that hold from `valid_from` on, for a file of these columns; for a new one with its header."""
    missing = [name for name in _WRITTEN if columns and name not in columns]
    if missing:
        raise ConfigError("--into", ",".join(columns), f"its lines need the fields {', '.join(missing)}")
    text = StringIO()
    writer = csv.DictWriter(text, columns or COLUMNS, restval="", lineterminator="\n", extrasaction="ignore")
    if not columns:
        writer.writeheader()
    for offer in offers:
        writer.writerow({
            "AssetClass": "gpu" if offer.gpu_model else "node",
            "Region": offer.region, "InstanceType": offer.instance_type,
            "MarketPriceHourly": f"{offer.hour:f}", "Provider": offer.provider, "GpuModel": offer.gpu_model,
            "GpuCount": "" if offer.resource else offer.gpus, "Resource": offer.resource,
            "CapacityType": offer.capacity_type, "Currency": offer.currency,
            "ValidFrom": f"{valid_from:%Y-%m-%dT%H:%M}", "Source": offer.source, "Os": offer.os,
        })  # fmt: skip
    return text.getvalue()


def _match(offer: Offer) -> Match:
    names = ("provider", "region", "instance_type", "gpu_model", "capacity_type", "os", "resource")
    return same(tuple((name, value) for name in names if (value := getattr(offer, name))))
