"""One team's statement: what is its own, and nothing that names another team or what another runs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from pipeline.answers.cost_notes import SCALED
from pipeline.months.charge import BY, USAGE, Charge
from reports.statement import Extras, Statement

OF_ALL = "these sentences are of the whole ledger, of which this statement is a part"
SHARED = "what an answer of {names} costs is on the statement of all teams: others pay for it too"

Place = tuple[str, ...]


def of_team(whole: Statement, name: str) -> Statement:
    """The same statement with one team's numbers, and only what concerns what it alone runs."""
    (team,) = (t for t in whole.teams if t.name == name)
    used = [c for c in whole.charges if c.kind == USAGE]
    mine, others = ([c for c in used if (c.team == name) == own] for own in (True, False))
    versions, foreign = (_values(of, "model", "model_version") for of in (mine, others))
    extras = whole.extras
    running = _Running(mine, others)
    own = Extras(
        units=tuple(u for u in extras.units if _version(u) in versions - foreign),
        actions=tuple(a for a in extras.actions if running.has(a)),
        anomalies=tuple({**a, "team": ""} for a in extras.anomalies if a.get("team") == name),
        budgets=tuple(b for b in extras.budgets if b["teams"] == {name}),
        budgets_left_out=tuple(b for b in extras.budgets_left_out if b["team"] == name),
        days=tuple(d for d in extras.days if d[1] == name),
        trend=tuple(t for t in extras.trend if t[1] == name),
        judged=tuple(j for j in extras.judged if (j.model, j.model_version) in versions - foreign),
        began=extras.began,
        quality=tuple(q for q in extras.quality if _version(q) in versions - foreign),
    )
    shared = {_version(u) for u in extras.units} & versions & foreign
    return replace(
        whole, teams=(team,), amounts=team.amounts, extras=own, of=name,
        completeness=extras.completeness.get(name),
        notes=(OF_ALL, *map(_without_names, whole.notes), *_said(shared)),
        charges=tuple(c for c in whole.charges if c.team == name),
    )  # fmt: skip


class _Running:
    """Where a team runs what: an action that names no workload is of whoever has its namespace alone."""

    def __init__(self, mine: Collection[Charge], others: Collection[Charge]) -> None:
        self._workloads = _values(mine, "cluster", "namespace", "workload")
        self._spaces = _values(mine, "cluster", "namespace") - _values(others, "cluster", "namespace")

    def has(self, action: dict[str, Any]) -> bool:
        space = (action["cluster"], action["namespace"])
        workload = action["workload"]
        return (*space, workload) in self._workloads if workload else space in self._spaces


def _values(of: Collection[Charge], *names: str) -> set[Place]:
    places = [BY.index(name) for name in names]
    return {tuple(c.key[i] for i in places) for c in of}


def _version(row: dict[str, Any]) -> Place:
    return row["model"], row["model_version"]


def _without_names(note: str) -> str:
    before, scaled, _ = note.partition(SCALED)
    return before + scaled


def _said(shared: set[Place]) -> list[str]:
    names = ", ".join(" ".join(one) for one in sorted(shared))
    return [SHARED.format(names=names)] if names else []
