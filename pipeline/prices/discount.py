"""A negotiated percentage off the list price of the devices it matches, for as long as it holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pipeline.prices.exact import EXACT, over, times
from pipeline.prices.match import Match


@dataclass(frozen=True, slots=True)
class Discount:
    """`percent` 0 to 100; of several that match a device the most specific one holds, never two at once."""

    name: str
    match: Match
    percent: Decimal
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    source: str = ""

    def off(self, amount: Decimal) -> Decimal:
        return over(times(amount, EXACT.subtract(Decimal(100), self.percent)), 100)
