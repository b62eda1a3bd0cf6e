"""One rule considered at one lake snapshot: the same reading and deciding, live and when it is explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from detectors.finding import Finding
from detectors.parameters import Parameters
from pipeline.policy.decide import decide
from pipeline.policy.decisions import Decision, PastAction
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
    begun: tuple[PastAction, ...] = (),
) -> Decision | None:
    """The decision on the history and the journal that `pinned`, a store opened at a snapshot, holds.

    `begun` are actions of the same tick, which no snapshot from before it can hold.
    """
    tripped = trips(findings, rule)
    if not tripped:
        return None
    model = chosen(tripped, state).model
    mine = [trip for trip in tripped if trip.model == model]
    known = journal(pinned, model, TRIGGERS, rule, state, now, mine)
    history = past_actions(pinned)
    held = {past.action_id for past in history}
    new = tuple(past for past in begun if past.action_id not in held)
    return decide(findings, policy, rule, history, known, now, asdict(parameters), new)
