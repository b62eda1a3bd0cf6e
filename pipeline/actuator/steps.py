"""What carrying out an action yields: step after step, each to be recorded before the next is taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from pipeline.actuator.kubernetes import ApiError, Kubernetes, Object, Resource
from pipeline.policy.decisions import Action
from pipeline.policy.journal import TargetState
from pipeline.policy.rules import Target

State = Literal[
    "proposed", "granted", "denied", "approved", "refused", "executed", "verified", "undone", "failed"
]


@dataclass(frozen=True, slots=True)
class Step:
    """A state that the action reached; `evidence` is canonical JSON, '' where the detail says it all."""

    state: State
    detail: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """An action of the ledger that was approved or executed, and is not finished."""

    action_id: str
    target: Target
    state: str
    to_version: str
    version_label: str


class Actuator(Protocol):
    """One kind of target, or one kind of change."""

    @property
    def resource(self) -> Resource:
        """By which name the API server has the kind."""

    def observe(self, client: Kubernetes, target: Target, version_label: str) -> TargetState | ApiError:
        """What the cluster says of the target now; reads only."""

    def watch(self, client: Kubernetes, target: Target, version_label: str) -> TargetState | ApiError:
        """As observe, with the present state kept where nobody else keeps it."""

    def lacks(self, client: Kubernetes, target: Target) -> str:
        """The rights that this account lacks to carry an action on the target out, in words; '' for none."""

    def execute(self, client: Kubernetes, action: Action) -> Iterator[Step]:
        """Carry the action out; record each step before asking for the next."""

    def planned(self, client: Kubernetes, action: Action) -> tuple[str, Object, Object] | Step:
        """Where in the object, what is there and what is to be; for a change that is written elsewhere."""

    def follow(self, client: Kubernetes, begun: Begun, verify_until: datetime, now: datetime) -> Step | None:
        """As settle, of a change that was written elsewhere and comes through the object's owner."""

    def settle(self, client: Kubernetes, begun: Begun, verify_until: datetime, now: datetime) -> Step | None:
        """What became of it; None while it is still under way."""
