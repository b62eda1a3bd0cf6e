"""What a decision is: an action or a named refusal, each with the evidence that led to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pipeline.policy.gitops import GitOps
from pipeline.policy.modes import Mode
from pipeline.policy.rules import Target

Kind = Literal["rollback", "undo"]

RULES = 7
"""Version of everything that a decision follows from: detectors, gates, ladders and the questions they ask.

Each decision keeps it.  Raised with every change after which an old decision can come out otherwise.
"""


@dataclass(frozen=True, slots=True)
class PastAction:
    """One earlier decision, as the ledger has it."""

    action_id: str
    kind: str
    """rollback or undo."""
    cluster: str
    namespace: str
    workload: str
    model: str
    model_version: str
    """Version that it acted against."""
    to_version: str
    rule: str
    """Name of the rule that decided."""
    state: str
    """Its newest state."""
    acted_at: datetime | None
    """When the cluster was, or may have been, changed; None where it certainly was not."""

    @property
    def target(self) -> Target:
        return Target.of(self.cluster, self.namespace, self.workload)

    def on(self, target: Target) -> bool:
        return self.target == target


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition for acting, with the numbers it was judged on."""

    gate: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Patch:
    """Inputs of the patch: templates by hash only, since a pod template may hold secrets."""

    uid: str
    generation: int
    from_revision: int
    to_revision: int
    from_template_hash: str
    to_template_hash: str
    keeper: str
    """Name of the ReplicaSet or ControllerRevision that holds the state to return to."""


@dataclass(frozen=True, slots=True)
class Action:
    """Roll the target back from a version proven bad to the last one judged good."""

    action_id: str
    kind: Kind
    rule: str
    mode: Mode
    target: Target
    model: str
    model_version: str
    to_version: str
    patch: Patch
    version_label: str
    snapshot: int
    evidence: str
    """Canonical JSON of every input, gate and result."""
    detail: str
    gitops: GitOps | None = None
    """How it is done although a GitOps tool owns the target; None where none does."""
    owner_waits: bool = False
    """That tool has been told to wait, so a patch stays."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A finding called for an action and a gate held it back; `reason` is the first gate that failed."""

    action_id: str
    kind: Kind
    rule: str
    target: Target
    model: str
    model_version: str
    snapshot: int
    reason: str
    detail: str
    evidence: str


Decision = Action | Refusal
