"""Where the budgets are written down."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    file: str = ""
    """YAML file of budgets; see docs/metrics.md."""
    prices: str = ""
    """Price book by which ladders count the money, YAML or CSV; empty: the bundled list prices."""
