"""What the ledger knows of a target: earlier actions on it, and the journal of the versions it served."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

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
    known = served(store, model, tuple(triggers), rule.detectors, rule.min_count, (now,)).get(now, ())
    muted = muted_until(store, (rule.name,)).get(rule.name)
    missed = gaps(store, rule, known, now, tripped)
    told = labelled(store, model, rule, now, tripped)
    return Journal(store.snapshot(), known, target, missed, muted, seen(store, rule), told)


def traffic(store: Store, model: str, version: str) -> tuple[datetime, datetime] | None:
    """The first and the last minute of all that the ledger has; None where it has none."""
    known = served(store, model, (), (), 1, (_NEVER,)).get(_NEVER, ())
    return next(((s.first, s.last) for s in known if s.version == version), None)


def served(
    store: Store,
    model: str,
    triggers: tuple[str, ...],
    detectors: tuple[str, ...],
    min_count: int,
    ends: Sequence[datetime],
) -> dict[datetime, tuple[Served, ...]]:
    """The versions that each of these times knew, in one question; a time without any is not in it."""
    rows = store.query(
        "journal_served",
        model=model,
        triggers=list(triggers),
        detectors=list(detectors),
        min_count=min_count,
        metric=latency_objective.METRIC,
        ends=list(ends),
    ).to_pylist()
    by_end = groupby(rows, key=lambda row: row.pop("until"))
    return {end: tuple(Served(**row) for row in group) for end, group in by_end}


def gaps(
    store: Store, rule: Rule, known: tuple[Served, ...], now: datetime, tripped: Sequence[Trip]
) -> tuple[Loss, ...]:
    """Of the sources of predictions and labels in the target's cluster, as far back as a verdict reads."""
    first = {s.version: s.first for s in known}
    began = [max(min(f.start for f in t.findings), first.get(t.model_version, now)) for t in tripped]
    start = min([now - rule.max_age, *began])
    return gaps_between(store, rule.target.cluster, start, now)


def gaps_between(store: Store, cluster: str, start: datetime, end: datetime) -> tuple[Loss, ...]:
    """Of the sources of predictions and labels in a cluster."""
    found = store.query("journal_gaps", cluster=cluster, start=start, end=end).to_pylist()
    return tuple(Loss(**row) for row in found)


def labelled(
    store: Store, model: str, rule: Rule, now: datetime, tripped: Sequence[Trip]
) -> dict[str, datetime]:
    """When the newest label on each version was said, where the rule wants it fresh and it is.

    Of the predictions that the verdicts rest on.
    """
    starts = [f.start for t in tripped for f in t.findings if f.detector in rule.of_labels]
    if rule.max_label_age is None or not starts:
        return {}
    reference = store.references().get(model)
    rows = store.query(
        "labels_newest",
        model=model,
        judges=[one.feature for one in reference.evaluators] if reference else [],
        since=now - rule.max_label_age,
        now=now,
        start=min(starts),
    )
    return {row["model_version"]: row["newest"] for row in rows.to_pylist()}


def seen(store: Store, rule: Rule) -> tuple[SeenState, ...]:
    """States of the rule's target that were seen to serve."""
    of = rule.target
    rows = store.query(
        "journal_states", cluster=of.cluster, namespace=of.namespace, workload=of.workload
    ).to_pylist()
    return tuple(SeenState(r["template_hash"], json.loads(r["config"]), r["began"]) for r in rows)
