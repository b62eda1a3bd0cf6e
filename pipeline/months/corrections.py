"""What closed months should have charged, by what the ledger and the prices say now, less what they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.months import charge as charges
from pipeline.months.charge import BY, CORRECTION, NO_COSTS, NO_HOURS, Charge
from pipeline.months.closings import charged_for
from pipeline.months.inputs import Inputs
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.store import Store

UNDATED = "--gpu-hour-price"
"""The name of a price that holds for all time: it says nothing of a month that was closed."""


def corrections(
    store: Store, month: Window, then: Inputs, inputs: Inputs
) -> tuple[list[Charge], tuple[str, ...]]:
    """In the currency and by the rule that the month was closed with (`then`); and what a reader must know.

    Prices and owners are today's, which are dated.  Where today's book leaves hours without a price that the
    month's own book prices, the month keeps its own.
    """
    before = charged_for(store, month.start)
    now, _, notes = corrected(store, month, then, inputs, before)
    return difference(before, now, month.start), notes


def corrected(
    store: Store, month: Window, then: Inputs, inputs: Inputs, before: Sequence[Charge]
) -> tuple[list[Charge], PriceBook, tuple[str, ...]]:
    """What the month should have charged where it did `before`, the book that says so, and the notes."""
    book = then.prices if any(p.name == UNDATED for p in inputs.prices.prices) else inputs.prices
    now, lacking = _usage(store, month, book, then, inputs.owners)
    if book != then.prices and (lacking.gpu > _unpriced(before) or lacking.other):
        own, lacks = _usage(store, month, then.prices, then, inputs.owners)
        if lacks.gpu < lacking.gpu or lacks.other < lacking.other:
            note = (
                f"{month.start:%Y-%m} was corrected at its own price book {then.prices.version}: "
                f"{inputs.prices.version} has no price in {then.currency} for some of its hours"
            )
            return own, then.prices, (note,)
    return now, book, ()


def difference(before: Sequence[Charge], now: Sequence[Charge], month: datetime) -> list[Charge]:
    """A correction a key whose exact numbers changed, in cents that sum to the whole change rounded once."""
    old, new = ({c.key: c for c in of} for of in (before, now))
    changed = []
    for key in sorted({*old, *new}):
        a, b = old.get(key), new.get(key)
        known = b or a
        assert known is not None, "a key is of one of the two"
        hours = _less(b.hours if b else NO_HOURS, a.hours if a else NO_HOURS)
        costs = _less((b and b.costs) or NO_COSTS, (a and a.costs) or NO_COSTS)
        if any(hours) or any(costs):
            changed.append(replace(known, kind=CORRECTION, hours=hours, costs=costs, amount=None))
    return charges.rounded([replace(c, charge_month=month) for c in changed])


def _less(b: Sequence[Decimal], a: Sequence[Decimal]) -> tuple[Decimal, ...]:
    return tuple(x - y for x, y in zip(b, a, strict=True))


class _Unpriced(NamedTuple):
    """Hours without a price: of GPUs, and of cores, memory, volumes and load balancers."""

    gpu: Decimal
    other: Decimal


def _usage(
    store: Store, month: Window, book: PriceBook, then: Inputs, owners: Ownership
) -> tuple[list[Charge], _Unpriced]:
    answer = cost(store, month, BY, book, then.currency, then.rule, owners)
    found = charges.usage(answer.named(), month.start, then.currency)
    return found, _Unpriced(_unpriced(found), charges.unpriced_other_hours(answer))


def _unpriced(of: Sequence[Charge]) -> Decimal:
    return sum((c.hours[-1] for c in of), Decimal(0))
