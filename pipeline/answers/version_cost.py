"""What one model version or one namespace cost between two instants: a number for a decision, not a table."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from pipeline.answers.cost import cost
from pipeline.answers.cost_table import shown
from pipeline.answers.window import Window
from pipeline.errors import DriftledgerError
from pipeline.prices.book import PriceBook
from pipeline.store import Store


def of_version(
    store: Store, model: str, version: str, start: datetime, end: datetime, prices: PriceBook, currency: str
) -> Decimal | None:
    """In the currency; None where no device of it is known or has a price, or the span is empty.

    Costs are of whole minutes: a span that begins or ends within one does so at its start.
    """
    return _of(store, ("model", "model_version"), (model, version), start, end, prices, currency)


def of_namespace(
    store: Store,
    cluster: str,
    namespace: str,
    start: datetime,
    end: datetime,
    prices: PriceBook,
    currency: str,
) -> Decimal | None:
    """As of_version."""
    return _of(store, ("cluster", "namespace"), (cluster, namespace), start, end, prices, currency)


def _of(
    store: Store,
    by: tuple[str, str],
    which: tuple[str, str],
    start: datetime,
    end: datetime,
    prices: PriceBook,
    currency: str,
) -> Decimal | None:
    start, end = (time.replace(second=0, microsecond=0) for time in (start, end))
    if end <= start:
        return None
    try:
        found = cost(store, Window(start, end), by, prices, currency)
    except DriftledgerError:
        return None
    wanted = tuple(map(shown, by, which))
    mine = [row["total_cost"] for row in found.named() if tuple(row[name] for name in by) == wanted]
    return mine[0] if mine and isinstance(mine[0], Decimal) else None
