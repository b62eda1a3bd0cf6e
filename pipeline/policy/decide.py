"""From findings to one decision: an action, a refusal with its reason, or nothing.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from detectors.finding import Finding
from pipeline.canonical import canonical, digest, instant
from pipeline.policy.decisions import RULES, Action, Decision, Gate, PastAction, Patch, Refusal
from pipeline.policy.gates import judge_gates
from pipeline.policy.journal import Journal, Revision, TargetState
from pipeline.policy.rules import Policy, Rule, Target
from pipeline.policy.situation import (
    Situation,
    calm_models,
    chosen,
    harmed_models,
    judged_models,
    siblings,
    trips,
)

FORMAT = 4
"""Version of the evidence's shape."""


def decide(
    findings: Sequence[Finding],
    policy: Policy,
    rule: Rule,
    history: tuple[PastAction, ...],
    journal: Journal,
    now: datetime,
    parameters: Mapping[str, float | int | str],
    begun: tuple[PastAction, ...] = (),
) -> Decision | None:
    """What one rule makes of one tick's findings; None where no needed detector says act.

    `now` is UTC without zone; `parameters` are the judge's, kept so that the findings can be computed again.
    `begun` are actions that this tick began already: they count as those of `history` do.
    Missing, stale or too little data never acts, and a version that an action left needs no second one.
    """
    tripped = trips(findings, rule)
    if not tripped:
        return None
    trip = chosen(tripped, journal.target)
    situation = Situation(
        policy,
        rule,
        trip,
        (*history, *begun),
        journal,
        now,
        tripped_targets(findings, policy),
        siblings(findings, rule, trip),
        harmed_models(findings),
        judged_models(findings),
        calm_models(findings),
        frozenset(p.action_id for p in begun),
    )
    if situation.already_answered:
        return None
    gates = judge_gates(situation)
    failed = next((g for g in gates if not g.passed), None)
    if failed is None and situation.state and (to := situation.destination):
        return _action(situation, situation.state, to, gates, parameters)
    return _refusal(
        situation, failed or Gate("undecided", False, "no gate failed and no destination"), gates, parameters
    )


def tripped_targets(findings: Sequence[Finding], policy: Policy) -> tuple[Target, ...]:
    """Targets of every rule that trips, each once."""
    return tuple(dict.fromkeys(r.target for r in policy.rules if trips(findings, r)))


def _action(
    s: Situation,
    state: TargetState,
    to: Revision,
    gates: tuple[Gate, ...],
    parameters: Mapping[str, float | int | str],
) -> Action:
    patch = Patch(
        uid=state.uid,
        generation=state.generation,
        from_revision=state.revision,
        to_revision=to.revision,
        from_template_hash=state.template_hash,
        to_template_hash=to.template_hash,
        keeper=to.name,
    )
    since = instant(s.trip.since(s.rule))
    # With the mode: what was only observed and what is then done at the same tick are two decisions.
    action_id = digest(["rollback", s.rule.mode, patch.uid, patch.from_revision, patch.to_revision, since])
    detail = (
        f"roll {s.rule.target.workload} back from {s.trip.model_version} (revision {state.revision}) "
        f"to {to.version} (revision {to.revision}), last judged good"
    )
    not_restored = s.journal.not_restored(to)
    if not_restored:
        detail += f"; not restored by that: {', '.join(not_restored)}"
    gitops = s.rule.gitops if state.owner else None
    if gitops is not None:
        detail += f"; {gitops.words}"
    decided = {
        "action_id": action_id,
        "detail": detail,
        "mode": s.rule.mode,
        "not_restored": not_restored,
        "patch": asdict(patch),
        "to_version": to.version,
    } | ({"gitops": asdict(gitops)} if gitops else {})
    return Action(
        action_id=action_id,
        kind="rollback",
        rule=s.rule.name,
        mode=s.rule.mode,
        target=s.rule.target,
        model=s.trip.model,
        model_version=s.trip.model_version,
        to_version=to.version,
        patch=patch,
        version_label=s.rule.version_label,
        snapshot=s.journal.snapshot,
        evidence=_evidence(s, gates, parameters, decided),
        detail=detail,
        gitops=gitops,
    )


def _refusal(
    s: Situation, failed: Gate, gates: tuple[Gate, ...], parameters: Mapping[str, float | int | str]
) -> Refusal:
    uid = s.state.uid if s.state else s.rule.target.workload
    revision = s.state.revision if s.state else 0
    since = instant(s.trip.since(s.rule))
    action_id = digest(["refused", failed.gate, s.rule.name, uid, revision, since])
    decided = {"action_id": action_id, "detail": failed.detail, "refused": failed.gate}
    return Refusal(
        action_id=action_id,
        kind="rollback",
        rule=s.rule.name,
        target=s.rule.target,
        model=s.trip.model,
        model_version=s.trip.model_version,
        snapshot=s.journal.snapshot,
        reason=failed.gate,
        detail=failed.detail,
        evidence=_evidence(s, gates, parameters, decided),
    )


def _evidence(
    s: Situation,
    gates: tuple[Gate, ...],
    parameters: Mapping[str, float | int | str],
    decided: Mapping[str, object],
) -> str:
    return canonical(
        {
            "format": FORMAT,
            "rules": RULES,
            "decision": decided,
            "findings": [asdict(f) for f in s.trip.findings],
            "siblings": [asdict(f) for f in s.siblings],
            "gates": [asdict(g) for g in gates],
            "history": [asdict(p) for p in s.history],
            "journal": _journal(s),
            "now": s.now,
            "parameters": parameters,
            "policy": s.policy.recorded,
            "rule": s.rule.name,
        }
        | ({"begun": sorted(s.begun)} if s.begun else {})
    )


def _journal(s: Situation) -> dict[str, object]:
    """Without what the rule does not ask for."""
    known = asdict(s.journal)
    if s.rule.max_label_age is None:
        del known["labelled"]
    return known
