"""What an action changed in money: the version that was left before it, the one returned to after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pipeline.answers.version_cost import of_version
from pipeline.prices.book import PriceBook
from pipeline.store import Store

SPAN = timedelta(hours=24)
"""Longest stretch that is looked at on each side."""


@dataclass(frozen=True, slots=True)
class Side:
    """One model version over a window; cost is None where no device of it is known or has a price."""

    model_version: str
    start: datetime
    end: datetime
    cost: Decimal | None

    @property
    def hours(self) -> Decimal:
        return Decimal((self.end - self.start) // timedelta(minutes=1)) / 60

    @property
    def hourly(self) -> Decimal | None:
        return None if self.cost is None or not self.hours else self.cost / self.hours


@dataclass(frozen=True, slots=True)
class Effect:
    before: Side
    after: Side
    currency: str

    @property
    def saved(self) -> Decimal | None:
        """Over the hours after it, against going on as before; negative is dearer, None unknown."""
        if self.before.hourly is None or self.after.hourly is None:
            return None
        return (self.before.hourly - self.after.hourly) * self.after.hours


def effect(store: Store, steps: Sequence[dict[str, Any]], prices: PriceBook, currency: str) -> Effect | None:
    """Of a rollback that took effect; None for every other action.  The same ledger gives the same answer."""
    done = next((s for s in steps if s["state"] == "executed"), None)
    newest = store.query("newest").column("last")[0].as_py()
    if done is None or newest is None or done["kind"] != "rollback":
        return None
    at: datetime = done["time"]
    until = max(min(at + SPAN, newest), at)

    def side(version: str, start: datetime, end: datetime) -> Side:
        return Side(
            version, start, end, of_version(store, done["model"], version, start, end, prices, currency)
        )

    return Effect(side(done["model_version"], at - SPAN, at), side(done["to_version"], at, until), currency)
