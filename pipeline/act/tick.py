"""One tick of acting: settle what was begun, decide on the findings, and carry out what the policy allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from detectors.finding import Finding
from detectors.parameters import Parameters
from pipeline.act.approvals import granted, lapsed, still_offered
from pipeline.act.carrying_out import carried_out
from pipeline.act.decided_by import Unreadable, decided_by
from pipeline.act.events import Publisher, Taken, publish, taken
from pipeline.act.freezing import room_back, thaw
from pipeline.act.owner_waiting import gone_on
from pipeline.act.reverting import reverted
from pipeline.act.reverting import settle as settle_commit
from pipeline.act.this_tick import begun
from pipeline.act.undo import asked, completed
from pipeline.act.watching import watch
from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import ApiError, Kubernetes
from pipeline.actuator.lease import followed, leading
from pipeline.actuator.steps import Begun, Step
from pipeline.policy import rules
from pipeline.policy.consider import consider
from pipeline.policy.decisions import Action, Decision, Refusal
from pipeline.policy.journal import TargetState
from pipeline.policy.reading import past_actions
from pipeline.policy.rules import Policy, Rule
from pipeline.policy.situation import trips
from pipeline.store import Store


def act(
    store: Store,
    publisher: Publisher,
    findings: Sequence[Finding],
    policy: Policy,
    clients: Mapping[str, Kubernetes],
    now: datetime,
    *,
    snapshot: int | None = None,
    parameters: Parameters = Parameters(),  # noqa: B008
) -> tuple[Taken, ...]:
    """The steps taken at this tick, each recorded before the next.

    `findings` are the judge's at `snapshot` (the newest when None) with `parameters`; `clients` are by
    cluster name, so that a rule never reaches the object of the same name in another cluster.  A cluster that
    another process leads is left to that process.
    """
    clients, others = leading(clients), followed(clients)
    at = store.snapshot() if snapshot is None else snapshot
    done = [publish(publisher, t, now) for t in _settled(store, policy, clients, now)]
    done += gone_on(store, publisher, clients, now)
    done += asked(store, publisher, clients, now)
    done += thaw(store, publisher, clients, now)
    done += room_back(store, publisher, clients, now)
    done += lapsed(store, publisher, now)
    mine = (rule for rule in policy.rules if rule.target.cluster not in others)
    tripping = [rule for rule in mine if trips(findings, rule)]
    if tripping:
        done += _decided(
            store, publisher, findings, policy, tripping, clients, now, at, parameters, tuple(done)
        )
    watch(store, publisher, policy, clients, now)
    return tuple(done)


def _decided(
    store: Store,
    publisher: Publisher,
    findings: Sequence[Finding],
    policy: Policy,
    tripping: Sequence[Rule],
    clients: Mapping[str, Kubernetes],
    now: datetime,
    at: int,
    parameters: Parameters,
    done: tuple[Taken, ...],
) -> Iterator[Taken]:
    """`done` are the tick's steps so far: what they began counts against the limits as well."""
    with Store.open(store.location, read_only=True, snapshot=at) as pinned:
        taken_now = list(done)
        for rule in tripping:
            state, new = _observed(clients, rule), begun(taken_now, now)
            decision = consider(pinned, findings, policy, rule, state, now, parameters, new)
            if decision is not None:
                for step in _carried_out(store, publisher, decision, clients, now):
                    taken_now.append(step)
                    yield step


def _observed(clients: Mapping[str, Kubernetes], rule: Rule) -> TargetState | None:
    client = clients.get(rule.target.cluster)
    if client is None:
        return None
    state = TARGETS[rule.target.kind].observe(client, rule.target, rule.version_label)
    return None if isinstance(state, ApiError) else state


def _carried_out(
    store: Store,
    publisher: Publisher,
    decision: Decision,
    clients: Mapping[str, Kubernetes],
    now: datetime,
) -> Iterator[Taken]:
    agreed = isinstance(decision, Action) and decision.mode == "propose" and granted(store, decision, now)
    automatic = isinstance(decision, Action) and decision.mode == "auto"
    first = _first(decision)
    if isinstance(decision, Action) and (lacking := _lacking(decision, clients)):
        told = store.query("action_state", action_id=decision.action_id, state="refused").to_pylist()
        if not any(row["detail"] == lacking for row in told):
            words = "refused", decision.to_version, lacking, decision.evidence
            yield publish(publisher, _taken(decision, *words), now)
        return
    # What a person agreed to stands in the ledger as it was read then.
    if not agreed:
        if not automatic and _recorded(store, decision, first, now):
            return
        yield publish(publisher, first, now)
    if isinstance(decision, Action) and (automatic or agreed):
        client = clients[decision.target.cluster]
        yield from carried_out(store, publisher, decision, client, now, partial(_step, decision))


def _lacking(action: Action, clients: Mapping[str, Kubernetes]) -> str:
    """Rights without which nothing is offered nor begun, in words; a commit to Git needs none of them."""
    in_git = action.gitops is not None and action.gitops.revert is not None
    if action.mode == "observe" or in_git:
        return ""
    return TARGETS[action.target.kind].lacks(clients[action.target.cluster], action.target)


def _recorded(store: Store, decision: Decision, first: Taken, now: datetime) -> bool:
    """A decision that only stands in the ledger is written once, not at every tick that repeats it."""
    if isinstance(decision, Action) and decision.mode == "propose":
        return still_offered(store, decision, now)
    found = store.query("action_state", action_id=first.action_id, state=first.state)
    return bool(found.num_rows)


def _first(decision: Decision) -> Taken:
    if isinstance(decision, Refusal):
        words = f"{decision.reason}: {decision.detail}"
        return _taken(decision, "refused", "", words, decision.evidence)
    words = {"observe": "observed only: would ", "propose": "for approval: ", "auto": ""}[decision.mode]
    return _taken(decision, "proposed", decision.to_version, words + decision.detail, decision.evidence)


def _step(action: Action, step: Step) -> Taken:
    return _taken(action, step.state, action.to_version, step.detail, step.evidence)


def _taken(decision: Decision, state: str, to_version: str, detail: str, evidence: str) -> Taken:
    return taken(decision, decision.target, to_version, state, detail, evidence, decision.snapshot)


def _settled(
    store: Store, policy: Policy, clients: Mapping[str, Kubernetes], now: datetime
) -> Iterator[Taken]:
    """What became of actions that were approved or executed at an earlier tick, or before a crash."""
    for past in past_actions(store):
        client = clients.get(past.cluster)
        if past.state not in ("approved", "executed") or past.acted_at is None or client is None:
            continue
        try:
            rule = decided_by(store, past.action_id, policy) or policy.rule(past.rule)
        except Unreadable:  # its label and its time are not known: nobody can say what became of it
            continue
        label = rule.version_label if rule else rules.VERSION_LABEL
        until = past.acted_at + (rule.verify_within if rule else rules.VERIFY_WITHIN)
        open_one = Begun(past.action_id, past.target, past.state, past.to_version, label)
        told = reverted(store, past.action_id)
        step = (
            settle_commit(client, open_one, told, past.acted_at, until, now)
            if told
            else TARGETS[past.target.kind].settle(client, open_one, until, now)
        )
        if step is not None:
            yield taken(past, past.target, past.to_version, step.state, step.detail, step.evidence)
            if past.kind == "undo" and step.state in ("executed", "verified"):
                yield from completed(store, past)
