"""What one model version cost between two instants: a number for a decision, not a table."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.errors import DriftledgerError
from pipeline.prices.book import PriceBook
from pipeline.store import Store


def of_version(
    store: Store, model: str, version: str, start: datetime, end: datetime, prices: PriceBook, currency: str
) -> Decimal | None:
    """In the currency; None where no device of it is known or has a price, or the span is empty."""
    if end <= start:
        return None
    try:
        found = cost(store, Window(start, end), ("model", "model_version"), prices, currency)
    except DriftledgerError:
        return None
    mine = [x["total_cost"] for x in found.named() if (x["model"], x["model_version"]) == (model, version)]
    return mine[0] if mine and isinstance(mine[0], Decimal) else None
