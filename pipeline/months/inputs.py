"""All that a month's charges depend on beside the ledger; written down with the month when it is closed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.budgets import Budget
from pipeline.budgets import load as load_budgets
from pipeline.errors import ConfigError
from pipeline.months import terms
from pipeline.months.terms import Terms
from pipeline.ownership.file import load as load_owners
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.settings.cost import CostRule
from pipeline.settings.groups import Settings


@dataclass(frozen=True, slots=True)
class Inputs:
    prices: PriceBook
    currency: str = "USD"
    rule: CostRule = CostRule()
    owners: Ownership = Ownership()
    terms: Terms = Terms()
    budgets: tuple[Budget, ...] = ()
    correction_months: int = 3


def of_settings(settings: Settings, prices: PriceBook | None = None, currency: str | None = None) -> Inputs:
    """As the settings say, with the files that they name; prices and currency go over them."""
    chosen = settings.closing
    if currency is None and not re.fullmatch("[A-Z]{3}", chosen.currency):  # in which nothing has a price
        raise ConfigError("closing.currency", chosen.currency, "write an ISO 4217 code such as USD")
    book = prices or (PriceBook.load(Path(chosen.prices)) if chosen.prices else PriceBook.bundled())
    plans = load_budgets(settings.budgets.file) if settings.budgets.file else ()
    return Inputs(
        book,
        currency or chosen.currency,
        settings.cost,
        load_owners(settings.cost.ownership),
        terms.load(chosen.terms),
        plans,
        chosen.correction_months,
    )
