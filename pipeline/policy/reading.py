"""What the ledger knows of a target: earlier actions on it, and the journal of the versions it served."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from detectors import latency_objective
from pipeline.canonical import moment
from pipeline.policy.decisions import PastAction
from pipeline.policy.journal import Journal, Loss, SeenState, Served, TargetState
from pipeline.policy.ladders import STEPS
from pipeline.policy.past_steps import PastStep
from pipeline.policy.rules import Rule
from pipeline.policy.situation import Trip
from pipeline.store import Store

_NEVER = datetime(9999, 1, 1)


def past_actions(store: Store) -> tuple[PastAction, ...]:
    """Every action that was approved or went further, oldest first."""
    return tuple(PastAction(**row) for row in store.query("actions_history").to_pylist())


def past_steps(store: Store) -> tuple[PastStep, ...]:
    """Every step of a ladder that was approved or went further, oldest first."""
    return tuple(PastStep(**row) for row in store.query("ladder_history", kinds=list(STEPS)).to_pylist())


def muted_until(store: Store, names: Iterable[str]) -> dict[str, datetime]:
    """Until when each rule or ladder that a person told to rest does so."""
    found = {name: store.query("rule_muted", rule=name).to_pylist() for name in names}
    return {name: moment(json.loads(rows[0]["evidence"])["until"]) for name, rows in found.items() if rows}


def journal(
    store: Store,
    model: str,
    triggers: Iterable[str],
    rule: Rule,
    target: TargetState | None,
    now: datetime,
    tripped: Sequence[Trip] = (),
) -> Journal:
    """The journal of a model at the store's snapshot; `triggers` are the detectors of proven harm.

    `tripped` are what may be answered: without any only what is missing now is asked for.
    """
    served = _served(store, model, tuple(triggers), rule.detectors, rule.min_count, now)
    seen = _seen(store, rule)
    muted = muted_until(store, (rule.name,)).get(rule.name)
    return Journal(store.snapshot(), served, target, _gaps(store, rule, served, now, tripped), muted, seen)


def traffic(store: Store, model: str, version: str) -> tuple[datetime, datetime] | None:
    """The first and the last minute of all that the ledger has; None where it has none."""
    served = _served(store, model, (), (), 1, _NEVER)
    return next(((s.first, s.last) for s in served if s.version == version), None)


def _served(
    store: Store,
    model: str,
    triggers: tuple[str, ...],
    detectors: tuple[str, ...],
    min_count: int,
    end: datetime,
) -> tuple[Served, ...]:
    rows = store.query(
        "journal_served",
        model=model,
        triggers=list(triggers),
        detectors=list(detectors),
        min_count=min_count,
        metric=latency_objective.METRIC,
        end=end,
    )
    return tuple(Served(**row) for row in rows.to_pylist())


def _gaps(
    store: Store, rule: Rule, served: tuple[Served, ...], now: datetime, tripped: Sequence[Trip]
) -> tuple[Loss, ...]:
    """Of the sources of predictions and labels in the target's cluster, as far back as a verdict reads."""
    first = {s.version: s.first for s in served}
    began = [max(min(f.start for f in t.findings), first.get(t.model_version, now)) for t in tripped]
    start = min([now - rule.max_age, *began])
    found = store.query("journal_gaps", cluster=rule.target.cluster, start=start, end=now).to_pylist()
    return tuple(Loss(**row) for row in found)


def _seen(store: Store, rule: Rule) -> tuple[SeenState, ...]:
    of = rule.target
    rows = store.query(
        "journal_states", cluster=of.cluster, namespace=of.namespace, workload=of.workload
    ).to_pylist()
    return tuple(SeenState(r["template_hash"], json.loads(r["config"]), r["began"]) for r in rows)
