"""A due step as a decision with the evidence that led to it.  Pure, so that it can be computed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from pipeline.canonical import canonical, digest, instant
from pipeline.policy.climb import Due
from pipeline.policy.decisions import RULES, Gate
from pipeline.policy.modes import Mode
from pipeline.policy.money import Standing
from pipeline.policy.past_steps import PastStep
from pipeline.policy.rules import Policy, Target

FORMAT = 1
"""Version of the evidence's shape."""


@dataclass(frozen=True, slots=True)
class Known:
    """What all decisions of one tick rest on."""

    policy: Policy
    standings: Mapping[str, Standing]
    """By name of the budget."""
    history: tuple[PastStep, ...]
    muted: Mapping[str, datetime]
    """By name of the ladder."""
    now: datetime
    snapshot: int
    """Of the ledger, from which all of it was read but what this tick has begun."""
    money: Mapping[str, str] = field(default_factory=dict)
    """What the costs were counted by: its SHA-256, and what its parts call themselves."""
    idle: Mapping[tuple[str, str], tuple[Target, ...]] = field(default_factory=dict)
    """By name of the ladder and namespace, workloads that hold GPUs and use none."""
    begun: frozenset[str] = frozenset()
    """Steps of the history whose state this tick has changed."""


@dataclass(frozen=True, slots=True)
class StepDecision:
    """A step to be taken, or refused for a reason."""

    action_id: str
    kind: str
    rule: str
    mode: Mode
    target: Target
    snapshot: int
    plan: Mapping[str, Any]
    """{} of a refusal."""
    reason: str
    """Gate that held it back; '' of a step to be taken."""
    detail: str
    evidence: str
    model: str = ""
    model_version: str = ""
    to_version: str = ""


def decided(due: Due, plan: Mapping[str, Any], known: Known) -> StepDecision:
    """To take the step as planned; its mode is the ladder's, but to be told needs nobody's approval."""
    mode: Mode = "auto" if due.rung.step == "notify" else due.ladder.mode
    key = ["ladder", mode, due.ladder.name, due.rung.step, due.ladder.cluster, due.namespace]
    action_id = digest([*key, instant(due.standing.start), due.episode])
    detail = (
        f"{due.rung.step} {due.namespace} at {due.rung.percent}% {due.rung.measure}; {due.standing.words}"
    )
    decision = {"action_id": action_id, "detail": detail, "mode": mode, "plan": plan}
    return _made(due, action_id, mode, plan, "", detail, decision, known)


def refused(due: Due, gate: Gate, known: Known) -> StepDecision:
    """Held back by this gate; the same refusal of the same period has the same identity."""
    key = ["refused", gate.gate, due.ladder.name, due.rung.step, due.ladder.cluster, due.namespace]
    action_id = digest([*key, instant(due.standing.start), due.episode])
    decision = {"action_id": action_id, "detail": gate.detail, "refused": gate.gate}
    return _made(due, action_id, due.ladder.mode, {}, gate.gate, gate.detail, decision, known)


def _made(
    due: Due,
    action_id: str,
    mode: Mode,
    plan: Mapping[str, Any],
    reason: str,
    detail: str,
    decision: Mapping[str, Any],
    known: Known,
) -> StepDecision:
    namespace = due.namespace
    return StepDecision(
        action_id=action_id,
        kind=due.rung.step,
        rule=due.ladder.name,
        mode=mode,
        target=Target(due.ladder.cluster, namespace, "Namespace", namespace),
        snapshot=known.snapshot,
        plan=plan,
        reason=reason,
        detail=detail,
        evidence=_evidence(due, due.gates, decision, known),
    )


def _evidence(due: Due, gates: Sequence[Gate], decision: Mapping[str, Any], known: Known) -> str:
    return canonical(
        {
            "format": FORMAT,
            "rules": RULES,
            "ladder": {"step": due.rung.step, "namespace": due.namespace} | _idle(due, known),
            "decision": decision,
            "budgets": [asdict(s) for _, s in sorted(known.standings.items())],
            "gates": [asdict(g) for g in gates],
            "money": known.money,
            "history": [asdict(p) for p in known.history],
            "muted": known.muted,
            "now": known.now,
            "policy": known.policy.recorded,
            "rule": due.ladder.name,
        }
        | ({"begun": sorted(known.begun)} if known.begun else {})
    )


def _idle(due: Due, known: Known) -> dict[str, list[str]]:
    found = known.idle.get((due.ladder.name, due.namespace)) if due.rung.step == "scale_idle" else None
    return {} if found is None else {"idle": [target.workload for target in found]}
