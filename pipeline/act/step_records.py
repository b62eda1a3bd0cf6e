"""Steps of ladders that hold, or may hold, each with its plan and its end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.canonical import moment
from pipeline.policy.past_steps import PastStep
from pipeline.policy.rules import Target
from pipeline.policy.step_decision import StepDecision
from pipeline.store import Store


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that holds, or may hold."""

    past: PastStep
    plan: Mapping[str, Any]
    expires: datetime
    evidence: Mapping[str, Any]
    """Of its decision."""

    @property
    def of(self) -> StepDecision:
        """The decision again, for the next states of the action."""
        past, decided = self.past, self.evidence["decision"]
        return StepDecision(
            past.action_id, past.kind, past.rule, decided["mode"], self.target, 0, self.plan, "",
            decided["detail"], "",
        )  # fmt: skip

    @property
    def target(self) -> Target:
        return Target(self.past.cluster, self.past.namespace, "Namespace", self.past.namespace)


def open_steps(store: Store, history: tuple[PastStep, ...]) -> Iterator[Taken]:
    for past in history:
        if past.open and (found := step(store, past)) is not None:
            yield found


def step(store: Store, past: PastStep) -> Taken | None:
    """With its plan; None where the ledger has lost it."""
    rows = {r["state"]: r for r in store.query("action_rows", prefix=past.action_id).to_pylist()}
    if "proposed" not in rows or "approved" not in rows:
        return None
    evidence = json.loads(rows["proposed"]["evidence"])
    expires = moment(json.loads(rows["approved"]["evidence"])["expires"])
    return Taken(past, evidence["decision"]["plan"], expires, evidence)
