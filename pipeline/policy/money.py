"""How one budget stands, as the answer on budgets says it: what a ladder decides on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from pipeline.policy.ladders import Measure


@dataclass(frozen=True, slots=True)
class Standing:
    """Money in `currency`; None where nobody knows."""

    budget: str
    state: str
    start: datetime
    end: datetime
    amount: Decimal
    spent: Decimal | None
    forecast: Decimal | None
    forecast_low: Decimal | None
    forecast_high: Decimal | None
    exhausted: datetime | None
    currency: str
    as_of: datetime | None
    """Until when costs are known."""

    def percent(self, measure: Measure) -> Decimal | None:
        """Of the amount."""
        value = self.spent if measure == "spent" else self.forecast
        return None if value is None else value * 100 / self.amount

    @property
    def words(self) -> str:
        if self.spent is None:
            return f"budget {self.budget}: no cost is known"
        told = f"budget {self.budget}: {self.spent:.2f} of {self.amount:.2f} {self.currency} are spent"
        if self.forecast is not None:
            told += f", {self.forecast:.2f} are expected by {self.end:%Y-%m-%d}"
        if self.forecast_low is not None and self.forecast_high is not None:
            told += f" ({self.forecast_low:.2f} to {self.forecast_high:.2f})"
        return f"{told}, used up on {self.exhausted:%Y-%m-%d}" if self.exhausted else told

    @classmethod
    def from_row(cls, row: Mapping[str, Any], as_of: datetime | None) -> Self:
        """A row of the answer on budgets."""
        named = {n: row[n] for n in cls.__slots__ if n not in ("budget", "as_of")}
        return cls(budget=row["budget"], as_of=as_of, **named)
