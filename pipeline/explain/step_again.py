"""A ladder's step decided again, from the ledger as it was at the snapshot that its decision names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.answers.standings import idle_workloads, standings
from pipeline.canonical import moment
from pipeline.explain.counted_by import described, kept
from pipeline.lake.location import Place
from pipeline.policy.climb import Due, due
from pipeline.policy.decisions import Gate
from pipeline.policy.file import parse
from pipeline.policy.past_steps import PastStep, followed
from pipeline.policy.reading import muted_until, past_steps
from pipeline.policy.rules import Target
from pipeline.policy.step_decision import Known, StepDecision, decided, refused
from pipeline.store import Store


def again(place: Place, evidence: Mapping[str, Any], snapshot: int) -> StepDecision | None:
    """None where the step would not be due.

    Of the evidence only what no lake can give is taken: the policy, what the cluster said, and what the same
    tick had begun before, of which the ledger must know.
    """
    told = tuple(_past(row) for row in evidence["history"] if row["action_id"] in evidence.get("begun", ()))
    with Store.open(place, read_only=True) as newest:
        money = kept(newest, evidence.get("money", {}))
        new = tuple(past for past in told if _happened(newest, past))
    policy, now = parse(evidence["policy"]["text"]), moment(evidence["now"])
    with Store.open(place, read_only=True, snapshot=snapshot) as pinned:
        known = Known(
            policy=policy,
            standings=standings(pinned, money, now),
            history=followed(past_steps(pinned), new),
            muted=muted_until(pinned, tuple(ladder.name for ladder in policy.ladders)),
            now=now,
            snapshot=snapshot,
            money=described(money),
            begun=frozenset(past.action_id for past in new),
        )
        key = (evidence["rule"], evidence["ladder"]["step"], evidence["ladder"]["namespace"])
        for one in due(known.policy, known.standings, known.history, now, known.muted):
            if (one.ladder.name, one.rung.step, one.namespace) == key:
                return _decided(pinned, one, known, evidence)
    return None


def _decided(store: Store, one: Due, known: Known, evidence: Mapping[str, Any]) -> StepDecision:
    if one.failed is not None:
        return refused(one, one.failed, known)
    told, idle = evidence["decision"], {}
    if "idle" in evidence["ladder"]:
        here = one.ladder.name, one.namespace
        idle[here] = idle_workloads(store, one.ladder, one.namespace, known.now)
        known = replace(known, idle=idle)
    if "refused" in told:  # by what the cluster said
        return refused(one, Gate(told["refused"], False, told["detail"]), known)
    plan = told["plan"]
    if "scalings" in plan:
        found = [target for targets in idle.values() for target in targets]
        plan = plan | {"scalings": [s for s in plan["scalings"] if Target(**s["target"]) in found]}
    return decided(one, plan, known)


def _happened(store: Store, past: PastStep) -> bool:
    """Whether the ledger knows of the step, and of its end where it is said to have ended."""
    states = {row["state"] for row in store.query("action_rows", prefix=past.action_id).to_pylist()}
    return bool(states) and (past.ended_at is None or "undone" in states)


def _past(row: Mapping[str, Any]) -> PastStep:
    times = {n: moment(row[n]) if row[n] else None for n in ("acted_at", "ended_at")}
    return PastStep(**{**row, **times})
