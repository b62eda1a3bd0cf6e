"""An alert: one episode in which a detector says warn or act of a model version, until it no longer does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Self

from detectors.finding import Finding

State = Literal["firing", "resolved"]
SPEAKING = ("warn", "act")
ENDING = ("ok", "stale", "invalid", "no_reference")
"""Levels that end an alert; with not_enough_data nothing is known, so it stays as it is."""


@dataclass(frozen=True, slots=True)
class Alert:
    alert_id: str
    """Of the episode: the same while it warns, acts and is resolved."""
    time: datetime
    """Of the tick that brought it to this state; UTC without zone."""
    state: State
    detector: str
    model: str
    model_version: str
    level: str
    since: datetime | None
    evidence: str
    """The finding, as canonical JSON."""

    @property
    def subject(self) -> tuple[str, str, str]:
        return self.detector, self.model, self.model_version

    @property
    def finding(self) -> Finding:
        return Finding.from_json(self.evidence)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """A row of the fact `alerts`."""
        return cls(**{name: row[name] for name in cls.__slots__})


def raised(findings: Sequence[Finding], known: Iterable[Alert], now: datetime, warn: bool) -> list[Alert]:
    """What is new at this tick: alerts that begin, rise from warn to act, or end; nothing twice.

    `known` are the newest states in the ledger.  A level that falls from act to warn is no news: the harm
    has not ended.  What nothing is said of any more, of a version that is judged, has ended: its reference no
    longer asks for it.
    """
    firing = {a.subject: a for a in known if a.state == "firing"}
    news = []
    for finding in findings:
        before = firing.get((finding.detector, finding.model, finding.model_version))
        if finding.level in SPEAKING and (warn or finding.level == "act" or before):
            if before is None or (before.level, finding.level) == ("warn", "act"):
                news.append(_alert(finding, before, now))
        elif before is not None and finding.level in ENDING:
            news.append(
                replace(before, time=now, state="resolved", level=finding.level, evidence=finding.to_json())
            )
    judged = {(f.model, f.model_version) for f in findings}
    told = {(f.detector, f.model, f.model_version) for f in findings}
    for before in firing.values():
        if before.subject not in told and (before.model, before.model_version) in judged:
            news.append(replace(before, time=now, state="resolved", level="no_reference"))
    return news


def _alert(finding: Finding, before: Alert | None, now: datetime) -> Alert:
    subject = (finding.detector, finding.model, finding.model_version)
    named = "\n".join([*subject, now.isoformat()])
    identity = before.alert_id if before else hashlib.sha256(named.encode()).hexdigest()[:32]
    return Alert(identity, now, "firing", *subject, finding.level, finding.since, finding.to_json())
