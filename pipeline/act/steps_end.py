"""What became of a step that was begun, and its end: its time, its budget, or a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from pipeline.act.events import Publisher, lasts, publish, taken
from pipeline.act.events import Taken as Event
from pipeline.act.step_records import Taken, step
from pipeline.actuator.kubernetes import Kubernetes
from pipeline.actuator.ladder.contract import Rung
from pipeline.actuator.ladder.table import RUNGS
from pipeline.actuator.steps import Step
from pipeline.canonical import canonical
from pipeline.errors import ConfigError, NotFound
from pipeline.policy.climb import over
from pipeline.policy.ladders import VERIFY_WITHIN, Ladder
from pipeline.policy.money import Standing
from pipeline.policy.reading import past_steps
from pipeline.policy.recorded import recorded
from pipeline.policy.rules import Policy
from pipeline.store import Store

_WHY = {
    "time": "its time is over",
    "period": "the budget's next period has begun",
    "budget": "the budget no longer calls for it",
    "late": "it could not be done in its time",
}


class Settled(NamedTuple):
    """A state that a step has reached."""

    state: str
    detail: str
    evidence: str = ""


def settled(client: Kubernetes, rung: Rung, one: Taken, policy: Policy, now: datetime) -> Iterator[Settled]:
    """A write whose answer was lost is looked up or done; a write that was answered is verified.

    After its time, that to be verified in, or with the kill switch on, nothing is done any more: its plan is
    of another hour.  What was done is put back.
    """
    past, plan = one.past, one.plan
    if past.state == "approved":
        if _is_late(one, policy, now) or policy.kill_switch:
            return
        found = rung.carry_out(client, plan, past.action_id, one.expires)
        if found is not None:
            yield Settled(found.state, found.detail, found.evidence)
    elif past.state == "executed" and past.acted_at is not None:
        found = rung.holds(client, plan, past.action_id)
        ladder = _ladder(one, policy)
        if found is not None:
            yield Settled(found.state, found.detail, found.evidence)
        elif ladder is not None and now >= past.acted_at + ladder.verify_within:
            yield Settled("failed", f"not verified within {ladder.verify_within.total_seconds():g} s")


def _ladder(one: Taken, policy: Policy) -> Ladder | None:
    """As it is now; of one that the file has no more, as it was."""
    known = policy if policy.ladder(one.past.rule) else recorded(one.evidence["policy"]["text"])
    return known.ladder(one.past.rule) if known else None


def _is_late(one: Taken, policy: Policy, now: datetime) -> bool:
    ladder = _ladder(one, policy)
    within = ladder.verify_within if ladder else VERIFY_WITHIN
    return now >= min(one.expires, (one.past.acted_at or now) + within)


def ended(
    client: Kubernetes,
    rung: Rung,
    one: Taken,
    policy: Policy,
    standings: Mapping[str, Standing],
    now: datetime,
) -> Iterator[Settled]:
    """Put back where its time is over, or its budget no longer calls for it."""
    ladder = policy.ladder(one.past.rule)
    called = next((r for r in ladder.rungs if r.step == one.past.kind), None) if ladder else None
    standing = standings.get(ladder.budget) if ladder else None
    why = over(called, standing, one.past.acted_at or now, one.expires, now)
    if not why and one.past.state == "approved" and _is_late(one, policy, now):
        why = "late"
    if why:
        found = rung.put_back(client, one.plan, one.past.action_id)
        if found is not None:
            evidence = canonical({"why": why, "left": found.evidence})
            yield Settled(found.state, _words(_WHY[why], found), evidence)


def _words(why: str, step: Step) -> str:
    """Of a failure whoever asks for it next says the same."""
    return step.detail if step.state == "failed" else f"{why}; {step.detail}"


def put_back(
    store: Store,
    publisher: Publisher,
    action_id: str,
    client: Kubernetes,
    cluster: str,
    by: str,
    now: datetime,
) -> Iterator[Event]:
    """By a person, now.  Raises NotFound or ConfigError."""
    past = next((p for p in past_steps(store) if p.action_id == action_id and p.open), None)
    one = step(store, past) if past else None
    if past is None or one is None:
        raise NotFound(f"action {action_id[:12]} is no step that holds; see `driftledger actions list`")
    if past.cluster != cluster:
        raise ConfigError("--cluster", cluster, f"the action was in cluster {past.cluster}")
    found = RUNGS[past.kind].put_back(client, one.plan, action_id)
    words = _words(f"put back by {by}", found) if found else ""
    if found is not None and not lasts(store, action_id, found.state, words):
        evidence = canonical({"why": "person", "by": by, "left": found.evidence})
        yield publish(publisher, taken(one.of, one.target, "", found.state, words, evidence), now)
