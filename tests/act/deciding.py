"""Findings, journals and policies for the tests of decisions; every default lets an action through."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from detectors.finding import Finding
from pipeline.policy.decide import decide
from pipeline.policy.decisions import PastAction
from pipeline.policy.file import parse
from pipeline.policy.journal import Journal, Revision, Served, TargetState

NOW = datetime(2026, 11, 24, 12, 0)
LATER = NOW + timedelta(minutes=10)
SINCE = NOW - timedelta(minutes=20)
DAY = timedelta(days=1)

TEXT = """\
version: "2026-11-24"
rules:
  - name: fraud-accuracy
    model: fraud
    detectors: [accuracy]
    mode: auto
    signals: 1
    target: {cluster: lab, namespace: ml, kind: Deployment, name: fraud}
"""

STATE = TargetState(
    uid="uid-1",
    generation=4,
    revision=2,
    version="v2",
    template_hash="hash-2",
    revisions=(Revision(1, "v1", "hash-1", "fraud-a"), Revision(2, "v2", "hash-2", "fraud-b")),
)

GOOD = Served("v1", NOW - 9 * DAY, NOW - DAY, 90_000, NOW - DAY, 9_000, None)
BAD = Served("v2", NOW - DAY, NOW, 9_000, None, 0, None)

BEFORE = PastAction(
    "f" * 64,
    "rollback",
    "lab",
    "ml",
    "Deployment/fraud",
    "fraud",
    "v0",
    "v1",
    "fraud-accuracy",
    "verified",
    NOW - 9 * DAY,
)


def finding(detector: str = "accuracy", level: str = "act", **changes) -> Finding:
    usual = Finding(
        detector, "fraud", "v2", level, NOW - DAY, NOW, 2_400, 18.0, 10.7, 16.4,
        since=SINCE if level == "act" else None, evidence={"rate": 0.4, "bound": 0.12},
    )  # fmt: skip
    return replace(usual, **changes)


def journal(*served: Served, target: TargetState | None = STATE) -> Journal:
    return Journal(41, served or (GOOD, BAD), target)


def decided(findings=None, *, text: str = TEXT, history=(), known=None, now=NOW, parameters=None, begun=()):
    policy = parse(text)
    found = (finding(),) if findings is None else tuple(findings)
    return decide(
        found,
        policy,
        policy.rules[0],
        tuple(history),
        known or journal(),
        now,
        parameters or {"act_minutes": 1.3e7},
        tuple(begun),
    )
