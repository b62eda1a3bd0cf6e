"""One tick of the ladders: settle and put back what was begun, then take the steps that budgets call for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.act.approvals import granted, still_offered
from pipeline.act.events import Publisher, Taken, lasts, publish, taken
from pipeline.act.step_records import open_steps
from pipeline.act.steps_end import ended, settled
from pipeline.actuator.kubernetes import ApiError, Kubernetes
from pipeline.actuator.ladder import scale_idle
from pipeline.actuator.ladder.contract import Scope
from pipeline.actuator.ladder.rights import NEEDS
from pipeline.actuator.ladder.table import RUNGS, reached
from pipeline.actuator.lease import followed, leading
from pipeline.actuator.rights import refusal
from pipeline.canonical import canonical
from pipeline.policy.climb import Due, due
from pipeline.policy.decisions import Gate
from pipeline.policy.past_steps import followed as newest
from pipeline.policy.reading import past_steps
from pipeline.policy.step_decision import Known, StepDecision, decided, refused
from pipeline.store import Store

RETRY = timedelta(minutes=15)
"""Pause after a step that the cluster did not take."""


def climb(
    store: Store, publisher: Publisher, known: Known, clients: Mapping[str, Kubernetes]
) -> tuple[Taken, ...]:
    """The steps taken at this tick, each recorded before the next.

    `known` is of a snapshot before the tick.  After each step the gates are judged anew, so that limits hold
    within a tick.  A cluster that another process leads is left to that process.
    """
    policy, standings, now = known.policy, known.standings, known.now
    done: list[Taken] = []
    clients, others = leading(clients), followed(clients)
    for one in open_steps(store, past_steps(store)):
        client, rung = reached(clients, one.past.cluster, one.past.kind), RUNGS[one.past.kind]
        if client is None:
            continue
        for step in (
            *settled(client, rung, one, policy, now),
            *ended(client, rung, one, policy, standings, now),
        ):
            if not lasts(store, one.past.action_id, step.state, step.detail):
                done.append(publish(publisher, taken(one.of, one.target, "", *step), now))
    looked: set[tuple[str, str, str]] = set()
    while (found := _next(store, known, looked, others)) is not None:
        looked.add(_key(found[0]))
        done += _taken(store, publisher, *found, clients)
    return tuple(done)


def _key(one: Due) -> tuple[str, str, str]:
    return one.ladder.name, one.rung.step, one.namespace


def _next(
    store: Store, known: Known, looked: set[tuple[str, str, str]], others: frozenset[str]
) -> tuple[Due, Known] | None:
    if not known.policy.ladders:
        return None
    before = {past.action_id: past for past in known.history}
    begun = [past for past in past_steps(store) if before.get(past.action_id) != past]
    known = replace(
        known, history=newest(known.history, begun), begun=frozenset(past.action_id for past in begun)
    )
    for one in due(known.policy, known.standings, known.history, known.now, known.muted):
        if _key(one) not in looked and one.ladder.cluster not in others:
            return one, known
    return None


def _taken(
    store: Store,
    publisher: Publisher,
    one: Due,
    known: Known,
    clients: Mapping[str, Kubernetes],
) -> Iterator[Taken]:
    client = reached(clients, one.ladder.cluster, one.rung.step)
    decision = _decision(store, one, known, client)
    first = taken(
        decision, decision.target, "", "refused" if decision.reason else "proposed", _words(decision),
        decision.evidence, decision.snapshot,
    )  # fmt: skip
    agreed = decision.mode == "propose" and not decision.reason and granted(store, decision, known.now)
    goes_on = not decision.reason and (decision.mode == "auto" or agreed)
    if goes_on and _refused_lately(store, decision, known.now):
        return
    if not agreed and (goes_on or not _recorded(store, decision, first, known.now)):
        yield publish(publisher, first, known.now)
    if goes_on and client is not None:
        expires = known.now + one.ladder.ttl
        words = f"every gate passed; it ends by itself at {expires:%Y-%m-%d %H:%M}Z"
        begun = taken(decision, decision.target, "", "approved", words, canonical({"expires": expires}))
        yield publish(publisher, begun, known.now)
        step = RUNGS[one.rung.step].carry_out(client, decision.plan, decision.action_id, expires)
        if step is not None:
            state = taken(decision, decision.target, "", step.state, step.detail, step.evidence)
            yield publish(publisher, state, known.now)


def _refused_lately(store: Store, decision: StepDecision, now: datetime) -> bool:
    """The cluster did not take it; asked at every tick it would say the same."""
    rows = store.query("action_state", action_id=decision.action_id, state="refused").to_pylist()
    return bool(rows) and now - rows[0]["time"] < RETRY


def _decision(store: Store, one: Due, known: Known, client: Kubernetes | None) -> StepDecision:
    """What a person was offered, or agreed to, is not planned anew while the offer stands.

    But who is offered as idle and has begun to work since is not scaled to zero.
    """
    if one.failed is not None:
        return refused(one, one.failed, known)
    if client is None:
        return refused(
            one, Gate("cluster_read", False, f"cluster {one.ladder.cluster} is not connected"), known
        )
    if one.ladder.mode != "observe" and (lacking := refusal(client, NEEDS[one.rung.step], one.namespace)):
        return refused(one, Gate("rights", False, lacking), known)
    idle = known.idle.get((one.ladder.name, one.namespace), ()) if one.rung.step == "scale_idle" else ()
    offered = _offered(store, one, known)
    if offered is not None and scale_idle.targets(offered.plan) <= set(idle):
        return offered
    scope = Scope(one.ladder.cluster, one.namespace, one.ladder.spare, one.ladder.most, idle)
    plan = RUNGS[one.rung.step].plan(client, scope)
    if isinstance(plan, ApiError):
        return refused(one, Gate("cluster_read", False, plan.words), known)
    if not plan:
        return refused(one, Gate("changes_something", False, "there is nothing to change"), known)
    return decided(one, plan, known)


def _offered(store: Store, one: Due, known: Known) -> StepDecision | None:
    if one.ladder.mode != "propose":
        return None
    action_id = decided(one, {}, known).action_id
    rows = store.query("action_state", action_id=action_id, state="proposed").to_pylist()
    if not rows:
        return None
    recorded = json.loads(rows[0]["evidence"])
    decision = decided(one, recorded["decision"]["plan"], known)
    if recorded["policy"]["hash"] != known.policy.hash:
        return None
    kept = replace(decision, evidence=rows[0]["evidence"], detail=recorded["decision"]["detail"])
    stands = granted(store, kept, known.now) or still_offered(store, kept, known.now)
    return kept if stands else None


def _recorded(store: Store, decision: StepDecision, first: Taken, now: datetime) -> bool:
    """A decision that only stands in the ledger is written once, not at every tick that repeats it."""
    if decision.mode == "propose" and not decision.reason:
        return still_offered(store, decision, now)
    rows = store.query("action_state", action_id=first.action_id, state=first.state).to_pylist()
    # Whoever has given half of the rights is told of the other half.
    return any(decision.reason != "rights" or row["detail"] == first.detail for row in rows)


def _words(decision: StepDecision) -> str:
    if decision.reason:
        return f"{decision.reason}: {decision.detail}"
    prefix = {"observe": "observed only: would ", "propose": "for approval: ", "auto": ""}[decision.mode]
    return prefix + decision.detail
