"""Workloads that hold GPUs and use none go to zero replicas, and come back to as many as they had."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from pipeline.actuator import idle
from pipeline.actuator.idle import Scaling
from pipeline.actuator.kubernetes import ApiError, Kubernetes
from pipeline.actuator.ladder.contract import Plan, Scope
from pipeline.actuator.ladder.reading import spared
from pipeline.actuator.steps import Step
from pipeline.canonical import canonical
from pipeline.policy.rules import Target


def plan(client: Kubernetes, scope: Scope) -> Plan | ApiError:
    spare = spared(client, scope.spare)
    if isinstance(spare, ApiError):
        return spare
    found = [idle.plan(client, t, spare) for t in scope.idle if t.kind in idle.KINDS]
    wanted = [asdict(s) for s in found if isinstance(s, Scaling)][: scope.most]
    return {"scalings": wanted} if wanted else {}


def carry_out(client: Kubernetes, plan: Plan, action_id: str, expires: datetime) -> Step | None:
    return _all(client, [*_scalings(plan)], "executed")


def holds(client: Kubernetes, plan: Plan, action_id: str) -> Step | None:
    """Whoever wants it back scales it up, and is left in peace."""
    found = [(s, idle.replicas(client, s.target)) for s in _scalings(plan)]
    if any(isinstance(n, ApiError) and n.fault != "not_found" for _, n in found):
        return None
    moved = [s.target.workload for s, n in found if n != s.after]
    if moved:
        return Step("failed", f"somebody has scaled {', '.join(moved)}")
    return Step("verified", f"{len(found)} workloads have no replicas")


def put_back(client: Kubernetes, plan: Plan, action_id: str) -> Step | None:
    return _all(client, [s.inverse for s in _scalings(plan)], "undone")


def targets(plan: Plan) -> set[Target]:
    """What the plan of any step counts as idle."""
    return {s.target for s in _scalings(plan)} if "scalings" in plan else set()


def _scalings(plan: Plan) -> list[Scaling]:
    return [Scaling(**{**s, "target": Target(**s["target"])}) for s in plan["scalings"]]


def _all(client: Kubernetes, scalings: list[Scaling], state: str) -> Step | None:
    asked = [idle.scale(client, s) for s in scalings]
    steps = [step for step in asked if step is not None]
    if len(steps) < len(asked):
        return None
    words = "; ".join(s.detail for s in steps)
    evidence = canonical({"steps": [asdict(s) for s in steps]})
    kept = [s.detail for s in steps if s.state == "failed"]
    if state == "undone" and kept:
        return Step("failed", f"not put back, and tried again at each tick: {'; '.join(kept)}", evidence)
    if state == "undone":
        return Step("undone", f"put back: {words}", evidence)
    done = any(s.state == "executed" for s in steps)
    return Step("executed" if done else "refused", words, evidence)
