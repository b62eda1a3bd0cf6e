"""Which steps the ladders would have taken over days that are past, and whether the budget ran out indeed.

No cluster is asked and nothing is put in the way of the cost that did arise: it is what no step held back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

from pipeline.act.stakes import per_day
from pipeline.answers.cost import extent
from pipeline.answers.standings import Money, standings
from pipeline.answers.version_cost import of_namespace
from pipeline.answers.window import Window
from pipeline.errors import NotFound
from pipeline.policy.climb import Due, due, over
from pipeline.policy.ladders import Ladder
from pipeline.policy.money import Standing
from pipeline.policy.past_steps import PastStep
from pipeline.policy.rules import Policy
from pipeline.store import Store

EVERY = timedelta(days=1)
"""Pause between two looks at the budgets."""

Verdict = Literal["right", "wrong", "unclear"]


@dataclass(frozen=True, slots=True)
class WouldStep:
    """A step that would have been taken; right where its budget ran out in that period after all."""

    time: datetime
    ladder: Ladder
    step: str
    namespace: str
    standing: Standing
    verdict: Verdict
    cost_after: Decimal | None
    """Spent of the budget from then to the end of its period, or of what is known."""
    cost_per_day: Decimal | None
    """What the namespace costs a day, at its rate in the 24 hours before."""


def looks(start: datetime, end: datetime) -> list[datetime]:
    """At the end of each pause in the window."""
    count = int((end - start) / EVERY)
    return [start + EVERY * n for n in range(1, count + 1)] or [end]


class Climbed(NamedTuple):
    """The steps of a span, and by ladder at how many looks its budget was known: without one it is unseen."""

    steps: tuple[WouldStep, ...] = ()
    looked: Mapping[str, int] = {}

    def of(self, ladder: str) -> tuple[WouldStep, ...]:
        return tuple(s for s in self.steps if s.ladder.name == ladder)


def rehearse(store: Store, policy: Policy, money: Money, start: datetime, end: datetime) -> Climbed:
    """Over [start, end), UTC without zone; reads only.  Costs are those that are known now."""
    try:
        known = extent(store)
    except NotFound:
        return Climbed()
    looked: Counter[str] = Counter()
    history: list[PastStep] = []
    found: list[WouldStep] = []
    last = min(end, known.end)
    for now in looks(min(start, last), last) if policy.ladders and start < known.end + EVERY else ():
        standing = standings(store, money, now)
        spent = {name: one.spent for name, one in standing.items()}
        looked.update(one.name for one in policy.ladders if spent.get(one.budget) is not None)
        history = [_aged(past, policy, standing, now) for past in history]
        while (one := _next(policy, standing, history, now)) is not None:
            history.append(_past(one, now, len(history)))
            found.append(_judged(store, money, one, now, known))
    return Climbed(tuple(found), looked)


def precision(found: Sequence[WouldStep]) -> float | None:
    """Share that was right; one that cannot be told counts as not right.  None for none."""
    return sum(f.verdict == "right" for f in found) / len(found) if found else None


def _next(policy: Policy, found: dict[str, Standing], history: list[PastStep], now: datetime) -> Due | None:
    return next((d for d in due(policy, found, tuple(history), now, {}) if d.failed is None), None)


def _past(one: Due, now: datetime, number: int) -> PastStep:
    return PastStep(
        action_id=f"rehearsed-{number}",
        kind=one.rung.step,
        cluster=one.ladder.cluster,
        namespace=one.namespace,
        rule=one.ladder.name,
        state="verified",
        acted_at=now,
        ended_at=None,
        by_hand=False,
    )


def _aged(past: PastStep, policy: Policy, found: dict[str, Standing], now: datetime) -> PastStep:
    ladder = policy.ladder(past.rule)
    if past.ended_at is not None or ladder is None or past.acted_at is None:
        return past
    rung = next(r for r in ladder.rungs if r.step == past.kind)
    ends = past.acted_at + ladder.ttl
    over_now = over(rung, found.get(ladder.budget), past.acted_at, ends, now)
    return replace(past, ended_at=now) if over_now else past


def _judged(store: Store, money: Money, one: Due, now: datetime, known: Window) -> WouldStep:
    standing = one.standing
    last = min(standing.end - timedelta(minutes=1), known.end)
    final = standings(store, money, last).get(standing.budget) if last > now else standing
    spent = final.spent if final else None
    verdict: Verdict = "unclear"
    if spent is not None and spent > standing.amount:
        verdict = "right"
    elif spent is not None and known.end >= standing.end:
        verdict = "wrong"
    after = spent - standing.spent if spent is not None and standing.spent is not None else None
    where, book = (one.ladder.cluster, one.namespace), (money.prices, standing.currency)

    def cost(start: datetime, end: datetime) -> Decimal | None:
        return of_namespace(store, *where, start, end, *book)

    daily = per_day(cost, now, known.start, known.end)
    return WouldStep(now, one.ladder, one.rung.step, one.namespace, standing, verdict, after, daily)
