"""What a policy says: which finding may lead to which change of which target, and what holds it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.policy.gitops import GitOps
    from pipeline.policy.ladders import Ladder
    from pipeline.policy.modes import Mode
    from pipeline.policy.quiet import QuietHours

SOURCES = {
    "accuracy": "labels",
    "segment_accuracy": "labels",
    "latency_objective": "times",
    "time_to_first_token_objective": "times",
    "time_per_output_token_objective": "times",
}
"""What each detector of proven harm rests on: two of one source are one signal."""
TRIGGERS = tuple(SOURCES)
"""Detectors of proven harm.  Drift explains an action and never starts one."""

VERSION_LABEL = "driftledger.io/model-version"
MIN_COUNT = 500
MAX_AGE = timedelta(minutes=15)
COOL_DOWN = timedelta(hours=6)
VERIFY_WITHIN = timedelta(minutes=10)
PROVE_WITHIN = timedelta(hours=2)
CHANGE_WINDOW = timedelta(days=2)
APPROVE_WITHIN = timedelta(hours=4)
SIGNALS = 2


@dataclass(frozen=True, slots=True)
class Target:
    """One object of one cluster."""

    cluster: str
    namespace: str
    kind: str
    name: str

    @classmethod
    def of(cls, cluster: str, namespace: str, workload: str) -> Target:
        """Of Kind/name, as in every fact."""
        kind, _, name = workload.partition("/")
        return cls(cluster, namespace, kind, name)

    @property
    def workload(self) -> str:
        """Kind/name, as in every fact."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Rule:
    """When every one of `detectors` is at level act for a version of `model`, roll `target` back."""

    name: str
    model: str
    """Exact name, or a glob such as fraud-*."""
    detectors: tuple[str, ...]
    target: Target
    mode: Mode = "observe"
    min_count: int = MIN_COUNT
    """Fewest events that a verdict rests on, for the bad version and for the good one."""
    max_age: timedelta = MAX_AGE
    """Oldest end of a finding's window; older is stale and never acts."""
    max_label_age: timedelta | None = None
    """Longest since the newest label on the version: older, its verdict does not act.  None asks nothing."""
    cool_down: timedelta = COOL_DOWN
    """Least time between two actions on the target."""
    verify_within: timedelta = VERIFY_WITHIN
    """Time for the rollout to complete before the action counts as failed."""
    prove_within: timedelta = PROVE_WITHIN
    """Time after a rollback until its effect is measured on labels; one that did not help is put back."""
    change_window: timedelta = CHANGE_WINDOW
    """Longest time from the change of the target to the proven harm: later, the change is not the cause."""
    approve_within: timedelta = APPROVE_WITHIN
    """How long a proposal may be approved, and its approval be used."""
    signals: int = SIGNALS
    """Fewest detectors of different sources that must agree before mode auto acts."""
    version_label: str = VERSION_LABEL
    """Pod template label that holds the model version."""
    quiet: tuple[QuietHours, ...] = ()
    """Times in which the rule changes nothing."""
    gitops: GitOps | None = None
    """What may be done where a GitOps tool owns the target; None leaves it alone."""

    @property
    def of_labels(self) -> tuple[str, ...]:
        """Its detectors that rest on labels."""
        return tuple(name for name in self.detectors if SOURCES[name] == "labels")

    def covers(self, model: str) -> bool:
        return fnmatchcase(model, self.model)


@dataclass(frozen=True, slots=True)
class Limits:
    """Blast radius: most actions in a span, and most targets in trouble at once."""

    per_target_per_day: int = 2
    per_namespace_per_hour: int = 3
    per_cluster_per_hour: int = 3
    per_hour: int = 5
    tripped_targets: int = 3
    """More targets than this at once is our data or a shared outage: stop all actions."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy file; `text` is its content and `hash` the SHA-256 of it."""

    version: str
    rules: tuple[Rule, ...]
    limits: Limits
    kill_switch: bool
    text: str
    hash: str
    ladders: tuple[Ladder, ...] = ()
    quiet: tuple[QuietHours, ...] = ()
    """Of every rule and ladder."""

    @property
    def may_change(self) -> bool:
        """Whether anything in it may lead to a change of a cluster."""
        modes = {r.mode for r in self.rules} | {one.mode for one in self.ladders}
        return bool(modes - {"observe"})

    @property
    def recorded(self) -> dict[str, str]:
        """As the evidence of each decision keeps it."""
        return {"hash": self.hash, "text": self.text, "version": self.version}

    def ladder(self, name: str) -> Ladder | None:
        return next((one for one in self.ladders if one.name == name), None)

    def rule(self, name: str) -> Rule | None:
        return next((r for r in self.rules if r.name == name), None)
