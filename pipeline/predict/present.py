"""What the workloads of the ledger cost now: the rate of its newest day, as a month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from pipeline.answers.answer import Value
from pipeline.answers.cost import cost, extent
from pipeline.answers.cost_table import own
from pipeline.answers.money import from_nano
from pipeline.answers.window import Window
from pipeline.errors import NotFound
from pipeline.predict.workloads import HOURS
from pipeline.prices.book import PriceBook
from pipeline.settings.cost import CostRule, Method, Spread
from pipeline.store import Store

NOW_SPAN = timedelta(hours=24)
"""The newest hours of the ledger, whose rate is what a workload costs now."""

Now = Mapping[tuple[str, str], Decimal | None]
"""Monthly cost by namespace and workload; None where it has no price."""


def compared(
    store: Store, book: PriceBook, currency: str, rule: CostRule
) -> tuple[Now | None, tuple[str, ...]]:
    """What workloads cost now, and from when that is."""
    try:
        costs, window = costs_now(store, book, currency, rule)
    except NotFound as error:
        return None, (f"there is nothing to compare with: {error}",)
    return costs, (f"what it costs now is the rate of {window} in the ledger",)


def costs_now(store: Store, book: PriceBook, currency: str, rule: CostRule) -> tuple[Now, Window]:
    """A month at the rate of the ledger's newest day, shared or idle costs of others left out.

    Raises NotFound where the ledger holds no GPU fact.
    """
    rule = replace(rule, method=Method.allocation, idle=Spread.none, shared=Spread.none)
    window = newest(store)
    found = cost(store, window, ("namespace", "workload"), book, currency, rule)
    at = [column.name for column in found.columns].index("total_cost")
    return {(own(str(row[0])), own(str(row[1]))): by_month(row[at], window) for row in found.rows}, window


def newest(store: Store) -> Window:
    """The ledger's newest day; NotFound where it holds no GPU fact."""
    known = extent(store)
    return Window(max(known.start, known.end - NOW_SPAN), known.end)


def by_month(amount: Value, window: Window) -> Decimal | None:
    """A month at the rate of the window."""
    hours = Fraction((window.end - window.start) // timedelta(minutes=1), 60)
    return money(Fraction(amount) * HOURS / hours * 10**9) if isinstance(amount, Decimal) else None


def money(nano: Fraction) -> Decimal:
    """To the billionth, half to even."""
    return from_nano(round(nano))
