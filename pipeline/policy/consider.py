"""One rule considered at one lake snapshot: the same reading and deciding, live and when it is explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from detectors.finding import Finding
from detectors.parameters import Parameters
from pipeline.policy.decide import decide
from pipeline.policy.decisions import Decision
from pipeline.policy.journal import TargetState
from pipeline.policy.reading import journal, past_actions
from pipeline.policy.rules import TRIGGERS, Policy, Rule
from pipeline.policy.situation import chosen, trips
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
    known = journal(pinned, model, TRIGGERS, rule, state, now)
    return decide(findings, policy, rule, past_actions(pinned), known, now, asdict(parameters))
