"""Why an action was taken or refused, in plain words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pipeline.canonical import instant
from pipeline.explain.effect import Effect, Side
from pipeline.explain.explanation import Explanation
from pipeline.explain.gate_words import gate_words
from pipeline.explain.shown import time
from pipeline.explain.step_words import step_words
from pipeline.policy.decisions import RULES


def narrative(explanation: Explanation, effect: Effect | None = None) -> Iterator[str]:
    """What it is now, what happened, what it changed and whether it holds; then why, and every gate."""
    first, last = explanation.steps[0], explanation.steps[-1]
    yield f"action {explanation.action_id}"
    where = f" of {first['workload']} in {first['cluster']}/{first['namespace']}" if first["cluster"] else ""
    yield f"{first['kind']}{where}, rule {first['policy'] or '-'}"
    yield f"Now {last['state']}: {last['detail']}"
    yield ""
    yield "What happened:"
    for step in explanation.happened:
        yield f"  {_time(step['time'])}  {step['state']:<9} {step['detail']}"
    if explanation.outcome:
        outcome = explanation.outcome
        yield f"  {_time(outcome['time'])}  outcome   {outcome['state']}: {outcome['detail']}"
    if effect is not None:
        yield f"Money, as far as costs are known: {effect.words}."
    yield from _verdict(explanation)
    yield ""
    if explanation.said:
        return
    try:
        yield from _why(json.loads(explanation.recorded))
    except (ValueError, KeyError, TypeError):
        yield "The recorded evidence cannot be read."


def _why(evidence: dict[str, Any]) -> Iterator[str]:
    decision = evidence["decision"]
    head = f"Refused by {decision['refused']}" if "refused" in decision else "Decided"
    yield f"{head}: {decision['detail']}"
    yield ""
    if "undo" in decision:
        return
    if "ladder" in evidence:
        yield from step_words(evidence)
        return
    yield f"Evidence, as of {time(evidence['now'])} at lake snapshot {evidence['journal']['snapshot']}:"
    for finding in evidence["findings"]:
        yield f"  {_finding(finding)}"
    yield "Versions that served:"
    for served in evidence["journal"]["served"]:
        yield f"  {_served(served)}"
    yield from gate_words(evidence)
    if "patch" in decision:
        yield "Any one gate that fails would have stopped it."
        yield from _patch(decision["patch"])


def _finding(finding: dict[str, Any]) -> str:
    numbers = ", ".join(f"{k} {_number(v)}" for k, v in sorted(finding["evidence"].items()) if v != "")
    since = f" since {time(finding['since'])}" if finding["since"] else ""
    return (
        f"{finding['detector']} on {finding['model']} {finding['model_version']}: {finding['level']}{since}, "
        f"{finding['count']} events, evidence {_number(finding['log_evidence'])} nats "
        f"(acts at {_number(finding['log_act'])}){'; ' + numbers if numbers else ''}"
    )


def _served(served: dict[str, Any]) -> str:
    good, bad = "", ""
    if served["good_at"]:
        good = f"judged good on {served['good_count']} events at {time(served['good_at'])}"
    if served["bad_at"]:
        bad = f"judged bad at {time(served['bad_at'])}"
    verdict = ", ".join(v for v in (good, bad) if v) or "not judged before"
    return (
        f"{served['version']}: {served['predictions']} predictions "
        f"from {time(served['first'])} to {time(served['last'])}, {verdict}"
    )


def _patch(patch: dict[str, Any]) -> Iterator[str]:
    yield "Patch, applied whole or not at all:"
    yield f"  only if uid is {patch['uid']} and generation is {patch['generation']}"
    yield (
        f"  before: revision {patch['from_revision']}, template {patch['from_template_hash'][:12]}; "
        f"after: template {patch['to_template_hash'][:12]} of {patch['keeper']} "
        f"(revision {patch['to_revision']})"
    )


def _verdict(explanation: Explanation) -> Iterator[str]:
    yield f"Computed again from the snapshot: {verdict(explanation)}"
    for line in explanation.differences:
        yield f"  {line}"


def verdict(explanation: Explanation) -> str:
    """Whether the decision holds, in one sentence."""
    if explanation.said:
        return "nothing: a person said it, and no rule decided."
    other, asks = explanation.by_other_rules, explanation.asks[:12]
    if asks:
        return f"nothing: it asks for the undo of {asks}, see `driftledger explain {asks}`."
    if explanation.identical:
        return f"identical, byte for byte{f'; {other}' if other else ''}."
    if other:
        return f"{other}, which cannot repeat it: only the version that decided can. What these rules say:"
    return "NOT IDENTICAL."


def _number(value: float | int | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _time(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}Z"


def _effect(effect: Effect) -> dict[str, Any]:
    """Amounts as exact decimals in texts; null is unknown."""

    def side(of: Side) -> dict[str, Any]:
        cost = None if of.cost is None else str(of.cost)
        return {
            effect.by: of.of, "start": instant(of.start), "end": instant(of.end), "cost": cost,
        }  # fmt: skip

    saved = None if effect.saved is None else f"{effect.saved:.9f}"
    before, after = side(effect.before), side(effect.after)
    return {"currency": effect.currency, "before": before, "after": after, "saved": saved}


def _quality(outcome: dict[str, Any]) -> dict[str, Any]:
    """The versions before and after it, by each detector that measured them."""
    told = {"time": instant(outcome["time"]), "result": outcome["state"], "detail": outcome["detail"]}
    return told | (json.loads(outcome["evidence"]) if outcome["evidence"] else {})


def _gates(recorded: Any, *, passed: bool) -> list[str]:
    """Names; of a decision that went through, each that passed would have stopped it by failing."""
    gates = recorded.get("gates", []) if isinstance(recorded, dict) else []
    stopped = any(not g["passed"] for g in gates)
    return [g["gate"] for g in gates if g["passed"] is passed and not (passed and stopped)]


def document(explanation: Explanation, effect: Effect | None = None) -> dict[str, Any]:
    """The explanation as JSON values, with the recorded evidence unfolded."""
    try:
        recorded = json.loads(explanation.recorded)
    except ValueError:
        recorded = explanation.recorded
    return {
        "schema": "driftledger.explanation/1",
        "action": explanation.action_id,
        "identical": explanation.identical,
        "rules": {"decided": explanation.rules, "this": RULES},
        "differences": list(explanation.differences),
        "evidence": recorded,
        "steps": [
            {"time": instant(s["time"]), "state": s["state"], "detail": s["detail"]}
            for s in explanation.happened
        ],
        "outcome": explanation.outcome and explanation.outcome["state"],
        "quality": explanation.outcome and _quality(explanation.outcome),
        "effect": effect and _effect(effect),
        "patch": json.loads(explanation.sent) if explanation.sent else None,
        "stopped_by": _gates(recorded, passed=False),
        "would_have_stopped": _gates(recorded, passed=True),
        "command": explanation.command,
    }
