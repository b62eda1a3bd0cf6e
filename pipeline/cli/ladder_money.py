"""What the ladders of a policy count the money by, as the settings say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.answers.standings import Money
    from pipeline.policy.rules import Policy
    from pipeline.settings.groups import Settings


def ladder_money(chosen: Settings, policy: Policy | None) -> Money | None:
    """None for a policy without ladders.  Raises ConfigError where a budget is missing."""
    if policy is None or not policy.ladders:
        return None
    from pipeline.answers.standings import Money
    from pipeline.budgets import load
    from pipeline.cli.price_options import book_of
    from pipeline.ownership.file import load as owners

    if not chosen.budgets.file:
        raise ConfigError(
            "budgets.file", "", "a ladder needs a budget: name a YAML file; docs/metrics.md shows one"
        )
    plans = load(chosen.budgets.file)
    prices = Path(chosen.budgets.prices) if chosen.budgets.prices else None
    book = book_of(prices, None, plans[0].currency)
    money = Money(plans, book, chosen.cost, owners(chosen.cost.ownership))
    money.check(policy)
    return money
