"""One rule considered at one lake snapshot: the same reading and deciding, live and when it is explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from detectors.finding import Finding
from detectors.parameters import Parameters
from pipeline import history, journal
from pipeline.decisions import Decision
from pipeline.journal import TargetState
from pipeline.policy import decide
from pipeline.rules import TRIGGERS, Policy, Rule
from pipeline.situation import chosen, trips
from pipeline.store import Store


def consider(
    pinned: Store,
    findings: Sequence[Finding],
    policy: Policy,
    rule: Rule,
    state: TargetState | None,
    now: datetime,
    parameters: Parameters,
) -> Decision | None:
    """The decision on the history and the journal that `pinned`, a store opened at a snapshot, holds."""
    tripped = trips(findings, rule)
    if not tripped:
        return None
    model = chosen(tripped, state).model
    known = journal.read(pinned, model, TRIGGERS, rule.min_count, state)
    return decide(findings, policy, rule, history.read(pinned), known, now, asdict(parameters))
