"""What a rule's gates look at: the trip, the target, the past and the clock, gathered once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from detectors.finding import Finding
from pipeline.policy.decisions import PastAction
from pipeline.policy.journal import Journal, Revision, TargetState
from pipeline.policy.rules import TRIGGERS, Policy, Rule, Target


@dataclass(frozen=True, slots=True)
class Trip:
    """One version of one model for which a needed detector says act."""

    model: str
    model_version: str
    findings: tuple[Finding, ...]
    """Every finding on the version at this tick, explaining ones too."""

    def of(self, detector: str) -> Finding | None:
        return next((f for f in self.findings if f.detector == detector), None)

    def since(self, rule: Rule) -> datetime:
        """Start of the trigger window: the first minute at which the evidence reached the bar."""
        acting = [f for f in self.findings if f.detector in rule.detectors and f.level == "act"]
        return min(f.since or f.start for f in acting)


@dataclass(frozen=True, slots=True)
class Situation:
    """All that one decision reads."""

    policy: Policy
    rule: Rule
    trip: Trip
    history: tuple[PastAction, ...]
    journal: Journal
    now: datetime
    tripped_targets: tuple[Target, ...]
    """Targets of all rules that trip at this tick."""
    siblings: tuple[Finding, ...]
    """Verdicts of the rule's detectors on the other versions of the model."""
    harmed_models: tuple[str, ...]
    """Models that any detector of proven harm says act for, whether a rule covers them or not."""
    judged_models: tuple[str, ...] = ()
    """Models of which any detector of proven harm has a verdict now."""
    calm_models: tuple[str, ...] = ()
    """Those with a version that is judged ok and that nothing speaks against."""
    begun: frozenset[str] = frozenset()
    """Ids of the actions in `history` that this tick began itself."""

    @property
    def state(self) -> TargetState | None:
        return self.journal.target

    @property
    def acted_against(self) -> frozenset[str]:
        """Versions that an action has already left behind on this target."""
        return frozenset(
            p.model_version for p in self.history if p.acted_at is not None and p.on(self.rule.target)
        )

    @property
    def under_way(self) -> tuple[PastAction, ...]:
        """Actions on the target that may have changed it and are not settled."""
        begun = (p for p in self.history if p.on(self.rule.target) and p.acted_at is not None)
        return tuple(p for p in begun if p.state in ("approved", "executed"))

    @property
    def already_answered(self) -> bool:
        """The bad version still has verdicts, but an earlier action takes, or took, it off the target."""
        version = self.trip.model_version
        if any(p.model_version == version for p in self.under_way):
            return True
        runs = self.state.serving if self.state else (version,)
        return version not in runs and version in self.acted_against

    @property
    def destination(self) -> Revision | None:
        """The newest revision of the last version judged good; never merely the previous one."""
        barred = self.acted_against | {self.trip.model_version}
        for served in self.journal.good_versions():
            held = self.journal.revision_of(served.version)
            if served.version not in barred and served.good_count >= self.rule.min_count and held:
                return held
        return None


def trips(findings: Sequence[Finding], rule: Rule) -> tuple[Trip, ...]:
    """Model versions that the rule covers and for which a needed detector says act; in a fixed order."""
    tripped = {
        (f.model, f.model_version)
        for f in findings
        if f.level == "act" and f.detector in rule.detectors and rule.covers(f.model)
    }
    return tuple(Trip(model, version, _on(findings, model, version)) for model, version in sorted(tripped))


def siblings(findings: Sequence[Finding], rule: Rule, trip: Trip) -> tuple[Finding, ...]:
    """Verdicts on the versions that did not change when the tripped one came, in a fixed order."""
    others = (f for f in findings if f.model == trip.model and f.model_version != trip.model_version)
    judged = (f for f in others if f.detector in rule.detectors)
    return tuple(sorted(judged, key=lambda f: (f.model_version, f.detector)))


def harmed_models(findings: Sequence[Finding]) -> tuple[str, ...]:
    """In a fixed order."""
    return tuple(sorted({f.model for f in findings if f.level == "act" and f.detector in TRIGGERS}))


def judged_models(findings: Sequence[Finding]) -> tuple[str, ...]:
    """In a fixed order."""
    judged = ("ok", "warn", "act")
    return tuple(sorted({f.model for f in findings if f.level in judged and f.detector in TRIGGERS}))


def calm_models(findings: Sequence[Finding]) -> tuple[str, ...]:
    """In a fixed order."""
    told = [f for f in findings if f.detector in TRIGGERS]
    moved = {(f.model, f.model_version) for f in told if f.level in ("warn", "act")}
    fine = {(f.model, f.model_version) for f in told if f.level == "ok"}
    return tuple(sorted({model for model, _ in fine - moved}))


def _on(findings: Sequence[Finding], model: str, version: str) -> tuple[Finding, ...]:
    of_version = (f for f in findings if (f.model, f.model_version) == (model, version))
    return tuple(sorted(of_version, key=lambda f: f.detector))


def chosen(tripped: Sequence[Trip], state: TargetState | None) -> Trip:
    """The trip of a version that the target runs now; else the first, which a gate will then refuse."""
    serving = state.serving if state else ()
    return next((t for t in tripped if t.model_version in serving), tripped[0])
