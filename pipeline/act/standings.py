"""One tick of the ladders on a ledger: all that they decide on is read of one snapshot of it first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from pipeline.act.climbing import climb
from pipeline.act.events import Publisher, Taken
from pipeline.act.step_outcome import measured
from pipeline.actuator.kubernetes import Kubernetes
from pipeline.answers.standings import Money, idle_workloads, standings
from pipeline.explain.counted_by import described, keep
from pipeline.policy.climb import due
from pipeline.policy.reading import muted_until, past_steps
from pipeline.policy.rules import Policy
from pipeline.policy.step_decision import Known
from pipeline.store import Store


def climbed(
    store: Store,
    publisher: Publisher,
    policy: Policy,
    money: Money | None,
    clients: Mapping[str, Kubernetes],
    now: datetime,
) -> tuple[Taken, ...]:
    """One tick of the policy's ladders; steps that hold end in time, whatever the policy says by now."""
    known = read(store, policy, money, now)
    if money and known.money:
        keep(store, money, known.money["sha256"], now)
    taken = climb(store, publisher, known, clients)
    if money:
        measured(store, publisher, money.prices, money.plans[0].currency, now)
    return taken


def read(store: Store, policy: Policy, money: Money | None, now: datetime) -> Known:
    """What the tick's decisions rest on, of one snapshot."""
    with store.steady():
        known = Known(
            policy=policy,
            standings=standings(store, money, now) if money else {},
            history=past_steps(store),
            muted=muted_until(store, (ladder.name for ladder in policy.ladders)),
            now=now,
            snapshot=store.snapshot(),
        )
        called = list(due(policy, known.standings, known.history, now, known.muted))
        idle = {
            (one.ladder.name, one.namespace): idle_workloads(store, one.ladder, one.namespace, now)
            for one in called
            if one.rung.step == "scale_idle" and one.failed is None
        }
    return replace(known, idle=idle, money=described(money) if money else {})
