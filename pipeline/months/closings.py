"""The chain of closed months, as the ledger holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pipeline.errors import NotFound
from pipeline.facts.months import CLOSINGS
from pipeline.months import frozen
from pipeline.months.charge import Charge, of_row
from pipeline.months.inputs import Inputs
from pipeline.store import Store


@dataclass(frozen=True, slots=True)
class Closing:
    """`header` is the text that was hashed before the charges: see months.digest."""

    month: datetime
    hash: str
    time: datetime
    snapshot: int
    previous: str
    currency: str
    price_book: str
    rule: str
    inputs: str
    header: str
    program: str
    actor: str
    unpriced_other_hours: Decimal = field(default=Decimal(0), compare=False)
    """Of cores, memory, volumes and load balancers; known as it is closed and not kept."""

    def thawed(self) -> Inputs:
        return _inputs(self.inputs)


@lru_cache(maxsize=4)
def _inputs(text: str) -> Inputs:
    """Months are mostly closed with the same ones, and a draft asks for those of each of the last twelve."""
    return frozen.load(Inputs, text)


def closings(store: Store) -> list[Closing]:
    """In the order of their months."""
    rows = [Closing(**row) for row in store.lasting("months_closed", CLOSINGS.name).to_pylist()]
    return sorted(rows, key=lambda c: c.month)


def closing(store: Store, month: datetime) -> Closing:
    """NotFound where the month is not closed."""
    found = next((c for c in closings(store) if c.month == month), None)
    if found is None:
        raise NotFound(f"{month:%Y-%m} is not closed")
    return found


def charged(store: Store, month: datetime) -> list[Charge]:
    """What the statement of that closed month charges."""
    return _charges(store.query("charges_on", month=month).to_pylist())


def charged_for(store: Store, month: datetime) -> list[Charge]:
    """What all statements so far charge for the usage of that month, corrections added in."""
    return _charges(store.query("charges_for", month=month).to_pylist())


def _charges(rows: list[Mapping[str, Any]]) -> list[Charge]:
    return sorted((of_row(row) for row in rows), key=lambda c: c.order)
