"""What a policy would have done over the verdicts that were recorded, and how often it would have been right.

Each tick knows what the ledger knew at its time.  No cluster is asked: the target is taken to run the version
whose traffic is the newest, and to keep every version that served before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from detectors.finding import Finding
from detectors.intervals import clopper_pearson
from pipeline.act.rehearsed_journal import Journals
from pipeline.answers.truth import accuracy_minutes
from pipeline.policy.decide import decide
from pipeline.policy.decisions import Action, Decision, PastAction
from pipeline.policy.journal import Journal, Revision, TargetState
from pipeline.policy.reading import traffic
from pipeline.policy.rules import TRIGGERS, Policy, Rule
from pipeline.policy.situation import trips
from pipeline.store import Store

CONFIDENCE = 0.99
AT_ONCE = 500
"""Ticks whose verdicts are held at once."""

Verdict = Literal["right", "wrong", "unclear"]


@dataclass(frozen=True, slots=True)
class WouldAct:
    """One action that the policy would have taken; `verdict` is by all labels that have come since."""

    time: datetime
    action: Action
    served_from: datetime
    """First traffic of the version that would have been left."""
    served_until: datetime
    """Its last traffic."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Held:
    """A rule that harm called for and one gate held back, at so many ticks."""

    rule: str
    gate: str
    ticks: int
    detail: str
    """Of the newest of them."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    ticks: int
    """Ticks of the judge in the window; without one nothing was rehearsed."""
    acts: tuple[WouldAct, ...]
    held: tuple[Held, ...] = ()
    """By rule and gate, in the order in which they came."""

    def of(self, rule: str) -> tuple[WouldAct, ...]:
        return tuple(a for a in self.acts if a.action.rule == rule)


def precision(acts: Sequence[WouldAct]) -> float | None:
    """Share of the actions that were right; one that cannot be told counts as not right.  None for none."""
    return sum(a.verdict == "right" for a in acts) / len(acts) if acts else None


def rehearse(
    store: Store, policy: Policy, start: datetime, end: datetime, *, hourly: bool = False
) -> Rehearsal:
    """Over the recorded ticks of [start, end), or of each hour the newest, UTC without zone; reads only."""
    looks = store.query(
        "judged_looks", start=start, end=end, hourly=hourly, triggers=list(TRIGGERS)
    ).to_pylist()
    history: list[PastAction] = []
    acts: list[WouldAct] = []
    held: dict[tuple[str, str], Held] = {}
    for time, findings, journals in _verdicts(store, [look["time"] for look in looks if look["trips"]]):
        for one in _decided(journals, policy, findings, history, time):
            if isinstance(one, Action):
                history.append(_past(one, time))
                acts.append(_judged(store, one, time))
            else:
                of = one.rule, one.reason
                held[of] = Held(*of, held[of].ticks + 1 if of in held else 1, one.detail)
    return Rehearsal(len(looks), tuple(acts), tuple(held.values()))


def _verdicts(store: Store, times: list[datetime]) -> Iterator[tuple[datetime, list[Finding], Journals]]:
    """Of each tick; not of all at once, as a fleet's of a month would fill the memory."""
    for part in range(0, len(times), AT_ONCE):
        some = times[part : part + AT_ONCE]
        rows, journals = store.query("judged_ticks", times=some).to_pylist(), Journals(store, some)
        for time, group in groupby(rows, key=lambda row: row["time"]):
            yield time, [Finding.from_json(row["content"]) for row in group], journals


def _decided(
    journals: Journals,
    policy: Policy,
    findings: list[Finding],
    before: Sequence[PastAction],
    now: datetime,
) -> Iterator[Decision]:
    """The caller adds each action to `before`, so that limits hold within a tick."""
    for rule in policy.rules:
        tripped = trips(findings, rule)
        if not tripped:
            continue
        history = tuple(before)
        mine = [trip for trip in tripped if trip.model == tripped[0].model]
        known = journals.at(now, tripped[0].model, rule, mine)
        known = replace(known, target=_state(known, rule, history))
        decision = decide(findings, policy, rule, history, known, now, {})
        if decision is not None:
            yield decision


def _state(known: Journal, rule: Rule, history: tuple[PastAction, ...]) -> TargetState | None:
    """The target as its traffic shows it; a version that would have been left is taken to be left."""
    if not known.served:
        return None
    revisions = tuple(Revision(n, s.version, s.version, s.version) for n, s in enumerate(known.served, 1))
    newest = max(known.served, key=lambda s: (s.last, s.first)).version
    left = {p.model_version: p.to_version for p in history if p.on(rule.target)}
    runs = left.get(newest, newest)
    at = next((r.revision for r in revisions if r.version == runs), 0)
    return TargetState("rehearsed", at, at, runs, runs, revisions)


def _past(action: Action, time: datetime) -> PastAction:
    target = action.target
    return PastAction(
        action_id=action.action_id,
        kind="rollback",
        cluster=target.cluster,
        namespace=target.namespace,
        workload=target.workload,
        model=action.model,
        model_version=action.model_version,
        to_version=action.to_version,
        rule=action.rule,
        state="verified",
        acted_at=time,
    )


def _judged(store: Store, action: Action, time: datetime) -> WouldAct:
    minutes = accuracy_minutes(store, [action.model], datetime.min, datetime.max)
    left, kept = _side(minutes, action.model_version), _side(minutes, action.to_version)
    verdict: Verdict = "unclear"
    if left[1] and kept[1]:
        bad, good = clopper_pearson(*left, CONFIDENCE), clopper_pearson(*kept, CONFIDENCE)
        verdict = "right" if bad.low > good.high else "wrong" if bad.high < good.low else "unclear"
    seen = traffic(store, action.model, action.model_version)
    first, last = seen or (time, time)
    return WouldAct(time, action, min(first, time), max(last, time), verdict)


def _side(minutes: pa.Table, version: str) -> tuple[int, int]:
    """Errors and labelled predictions of a version."""
    mine = minutes.filter(pc.field("model_version") == version)
    return pc.sum(mine["errors"]).as_py() or 0, pc.sum(mine["count"]).as_py() or 0
