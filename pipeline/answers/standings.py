"""What ladders decide on, of one state of the ledger: how budgets stand, and who uses none of its GPUs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from pipeline.answers.budgets import budgets
from pipeline.answers.cost import cost, extent
from pipeline.answers.cost_table import shown
from pipeline.answers.window import Window
from pipeline.budgets import Budget
from pipeline.errors import ConfigError, NotFound
from pipeline.ownership.rules import Ownership
from pipeline.policy.ladders import Ladder
from pipeline.policy.money import Standing
from pipeline.policy.rules import Policy, Target
from pipeline.prices.book import PriceBook
from pipeline.settings.cost import CostRule
from pipeline.store import Store

SEED = 0
"""Of the forecast: the same ledger gives the same standing."""
WHOLE = Decimal("0.99")
"""Least share of the time that must have been observed before a workload counts as idle."""
FIRST = timedelta(minutes=10)
"""Beginning of the span: what was not held then already was not held for long enough."""


@dataclass(frozen=True, slots=True)
class Money:
    """What costs are counted by."""

    plans: tuple[Budget, ...]
    prices: PriceBook
    rule: CostRule = CostRule()
    owners: Ownership = Ownership()

    def check(self, policy: Policy) -> None:
        """Raises ConfigError for a ladder whose budget is none of the plans."""
        known = {plan.name for plan in self.plans}
        for place, ladder in enumerate(policy.ladders):
            if ladder.budget not in known:
                remedy = f"the file of budgets has {', '.join(sorted(known)) or 'none'}"
                raise ConfigError(f"ladders[{place}].budget", ladder.budget, remedy)


def standings(store: Store, money: Money, now: datetime) -> dict[str, Standing]:
    """By budget, of those that hold at `now`."""
    answer = budgets(store, money.plans, now, SEED, money.prices, money.rule, money.owners)
    return {row["budget"]: Standing.from_row(row, answer.as_of) for row in answer.named()}


def idle_workloads(store: Store, ladder: Ladder, namespace: str, now: datetime) -> tuple[Target, ...]:
    """Those that held GPUs all the time that the ladder says, were seen all of it, and used none."""
    try:
        end = min(extent(store).end, now.replace(second=0, microsecond=0))
    except NotFound:
        return ()
    start = end - ladder.idle_for
    held = _hours(store, Window(start, end), ladder.cluster, namespace)
    begun = Window(start, start + min(FIRST, ladder.idle_for))
    before = _hours(store, begun, ladder.cluster, namespace)
    idle = [name for name, (had, used, seen) in held.items() if had and not used and seen >= WHOLE]
    long = [name for name in sorted(idle) if before.get(name, (Decimal(0),))[0]]
    return tuple(Target.of(ladder.cluster, namespace, name) for name in long)


Hours = tuple[Decimal, Decimal, Decimal]
"""GPU-hours held, GPU-hours with any work, and the share of time that was observed."""


def _hours(store: Store, window: Window, cluster: str, namespace: str) -> dict[str, Hours]:
    try:
        answer = cost(store, window, ("cluster", "namespace", "workload"))
    except NotFound:
        return {}
    which = (cluster, shown("namespace", namespace))
    mine = [r for r in answer.named() if (r["cluster"], r["namespace"]) == which]
    none = Decimal(0)
    return {
        str(r["workload"]): (
            r["allocated_gpu_hours"] or none, r["active_gpu_hours"] or none, r["completeness"] or none
        )
        for r in mine
    }  # fmt: skip
