"""A GitOps owner told to wait for one rollback, and to go on: in time, when it was undone, after a crash.

The wait is an action of its own.  What was there before is in the ledger before anything is written, so any
later process can put it back.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pipeline.act.events import Publisher, Taken, lasts, publish
from pipeline.actuator import gitops_owner
from pipeline.actuator.kubernetes import Kubernetes
from pipeline.actuator.ladder import changes
from pipeline.canonical import canonical, digest, instant, moment
from pipeline.errors import ConfigError, NotFound
from pipeline.policy.decisions import Action
from pipeline.policy.gitops import GitOps, Owner
from pipeline.policy.reading import past_actions
from pipeline.policy.rules import Target
from pipeline.store import Store

KIND = "suspend_owner"
HOLDS = ("approved", "executed", "verified", "failed")
"""States of a rollback for which its owner goes on waiting: what went wrong is for a person to see."""
LATE = timedelta(minutes=2)
"""Longer than an API server lets a request take (60 s)."""


def told_to_wait(
    store: Store, publisher: Publisher, action: Action, option: GitOps, client: Kubernetes, now: datetime
) -> Generator[Taken, None, str]:
    """The steps, each recorded before the next; returns '' once the owner waits, else why it does not."""
    if other := _waits_for(store, action.target.cluster, option.owner):
        # It goes on when that one ends, and would then put this one back too.
        return f"owner_waits_for: {option.owner.words} waits for rollback {other[:12]}"
    plan = gitops_owner.plan(client, option.owner)
    if isinstance(plan, str):
        return plan
    if not plan:
        return ""  # it waits already: whoever told it so decides when it goes on
    until = now + (option.suspend or timedelta())
    hold = _hold(action, option.owner, digest(["suspend owner", action.action_id, now]))
    words = f"{option.owner.words} is told to wait until {instant(until)} for {action.action_id[:12]}"
    evidence = canonical({"of": action.action_id, "plan": plan, "until": until})
    yield publish(publisher, hold._replace(state="approved", detail=words, evidence=evidence), now)
    step = changes.carry_out(client, plan, hold.action_id)
    if step is None:
        return f"owner_unknown: whether {option.owner.words} waits is not known; it is put back"
    yield publish(publisher, hold._replace(state=step.state, detail=step.detail, evidence=step.evidence), now)
    return "" if step.state == "executed" else f"owner_not_written: {step.detail}"


def gone_on(
    store: Store, publisher: Publisher, clients: Mapping[str, Kubernetes], now: datetime
) -> Iterator[Taken]:
    """Tells every owner to go on whose time is over, or whose rollback is not there any more."""
    waiting = store.query("owners_waiting", kind=KIND).to_pylist()
    rollbacks = {p.action_id: p.state for p in past_actions(store)} if waiting else {}
    for row in waiting:
        client = clients.get(row["cluster"])
        if client is None:
            continue
        told = json.loads(row["evidence"])
        why = _why(row, told, rollbacks, now)
        if not why:
            changed = changes.holds(client, told["plan"], row["action_id"])
            if changed is None or changed.state == "verified":
                continue
            why = "somebody else has told it to go on"
        step = changes.put_back(client, told["plan"], row["action_id"])
        if step is not None and step.state == "failed":
            if not lasts(store, row["action_id"], "failed", step.detail):
                yield publish(publisher, _taken(row)._replace(state="failed", detail=step.detail), now)
            continue
        # A write whose answer was lost can still arrive; what is closed too early would wait for ever.
        late = now >= row["time"] + LATE
        if step is not None and (late or json.loads(step.evidence)["changed"]):
            ended = _taken(row)._replace(detail=f"{why}; {step.detail}", evidence=step.evidence)
            yield publish(publisher, ended, now)


def let_go(
    store: Store,
    publisher: Publisher,
    action_id: str,
    client: Kubernetes,
    cluster: str,
    by: str,
    now: datetime,
) -> Iterator[Taken]:
    """By a person, before its time: the owner applies what Git says.  Raises NotFound or ConfigError."""
    waiting = {row["action_id"]: row for row in store.query("owners_waiting", kind=KIND).to_pylist()}
    if action_id not in waiting:
        raise NotFound(f"action {action_id[:12]} keeps no owner waiting; see `driftledger actions list`")
    row = waiting[action_id]
    if row["cluster"] != cluster:
        raise ConfigError("--cluster", cluster, f"the action was in cluster {row['cluster']}")
    step = changes.put_back(client, json.loads(row["evidence"])["plan"], action_id)
    if step is not None:
        words = step.detail if step.state == "failed" else f"told to go on by {by}; {step.detail}"
        said = _taken(row)._replace(state=step.state, detail=words, evidence=step.evidence)
        if not lasts(store, action_id, said.state, said.detail):
            yield publish(publisher, said, now)


def owner_waits(store: Store, action_id: str) -> bool:
    """Whether the owner of what this rollback changed is still told to wait."""
    rows = store.query("owners_waiting", kind=KIND).to_pylist()
    return any(json.loads(row["evidence"])["of"] == action_id for row in rows)


def _waits_for(store: Store, cluster: str, owner: Owner) -> str:
    """The rollback that stands and for which we told this owner to wait; '' for none."""
    place = (cluster, owner.namespace, f"{owner.kind}/{owner.name}")
    rows = store.query("owners_waiting", kind=KIND).to_pylist()
    of = {
        str(json.loads(row["evidence"])["of"])
        for row in rows
        if (row["cluster"], row["namespace"], row["workload"]) == place
    }
    return next((p.action_id for p in past_actions(store) if p.action_id in of and p.state in HOLDS), "")


def _why(row: Mapping[str, Any], told: Mapping[str, Any], rollbacks: Mapping[str, str], now: datetime) -> str:
    if now >= moment(told["until"]):
        return "its time is over, it applies what Git says"
    state = rollbacks.get(told["of"], "not begun")
    return "" if state in HOLDS else f"the rollback is {state}"


def _hold(action: Action, owner: Owner, action_id: str) -> Taken:
    target = Target(action.target.cluster, owner.namespace, owner.kind, owner.name)
    return Taken(action_id, "approved", KIND, action.rule, target, action.model, "", "", None, "", "")


def _taken(row: Mapping[str, Any]) -> Taken:
    target = Target.of(row["cluster"], row["namespace"], row["workload"])
    return Taken(row["action_id"], "undone", KIND, row["policy"], target, row["model"], "", "", None, "", "")
