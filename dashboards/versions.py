"""One row a model version: how it does, what its answers cost and who owns it, out of three answers."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from pipeline.answers.answer import Answer, Column, Value

_UNITS = (
    "cost", "cost_per_1k_requests", "cost_per_1k_correct", "cost_per_1k_correct_low",
    "cost_per_1k_correct_high", "cost_of_drift",
)  # fmt: skip


def versions(models: Answer, units: Answer, owners: Answer | None) -> Answer:
    """The rows of `models`, with costs where they are known; `owners` is a cost answer by team and version.

    The owner is the team that pays most for the version.
    """
    spent, owner = _by_version(units), _owners(owners)
    traffic = [row.get("requests") or 0 for row in _named(models)]
    whole = {row["model"]: 0 for row in _named(models)}
    for row, count in zip(_named(models), traffic, strict=True):
        whole[row["model"]] += count
    costs = [next((c for c in units.columns if c.name == name), Column(name)) for name in _UNITS]
    more = (
        Column("traffic", kind="ratio"), *costs, Column("owner"),
    )  # fmt: skip
    rows = []
    for values, row, count in zip(models.rows, _named(models), traffic, strict=True):
        key = (row["model"], row["model_version"])
        paid = spent.get(key, {})
        extra: tuple[Value, ...] = (
            count / whole[row["model"]] if whole[row["model"]] else None,
            *(paid.get(name) for name in _UNITS),
            owner.get(key),
        )
        rows.append((*values, *extra))
    notes = tuple(dict.fromkeys((*models.notes, *units.notes)))
    completeness = None if owners is None else owners.completeness
    return replace(
        models, columns=(*models.columns, *more), rows=tuple(rows), notes=notes, completeness=completeness
    )


def _named(answer: Answer) -> list[dict[str, Any]]:
    names = [c.name for c in answer.columns]
    return [dict(zip(names, row, strict=True)) for row in answer.rows]


def _by_version(answer: Answer) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["model"], row["model_version"]): row for row in _named(answer)}


def _owners(answer: Answer | None) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], tuple[Decimal, str]] = {}
    for row in [] if answer is None else _named(answer):
        key, bid = (row["model"], row["model_version"]), (row["total_cost"] or Decimal(0), row["team"])
        found[key] = max(found.get(key, bid), bid)
    return {key: team for key, (_, team) in found.items()}
