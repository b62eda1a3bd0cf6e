"""The budgets of a statement's month: what was planned, what is spent of it, and what is left."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from reports.statement import Statement
from reports.tables import table, visible
from reports.words import money, percent

SHOWN = 5
"""Budgets on the first page; where there are more, all of them are in the pages that explain it."""


def budgets(of: Statement, most: int | None = None) -> list[dict[str, Any]]:
    """A table of them, those of which the largest part is spent first; of `most` where there are more."""
    ordered = sorted(of.extras.budgets, key=lambda b: -_part(b))
    rows = [
        [
            named(b),
            *(money(b[n], of.currency) for n in ("amount", "spent", "left")),
            percent(b["spent"], b["amount"]),
        ]
        for b in ordered[:most]
    ]
    if not rows:
        return []
    few = f", the {most} of {len(ordered)} that are spent furthest" if most and len(ordered) > most else ""
    title = f"Budgets, {of.currency}, of usage before corrections, mark-up and tax{few}"
    heads = ["Budget", "planned", "spent", "left", "share"]
    return [{"title": title, "table": table(heads, rows, "lrrrr")}]


def named(budget: dict[str, Any]) -> str:
    """With how its numbers came about, where they are not of the month and its currency."""
    return f"{budget['budget']} ({budget['said']})" if budget["said"] else str(budget["budget"])


def explained(of: Statement) -> list[dict[str, Any]]:
    """All of them where the first page has not, and those that no charge can be compared with."""
    found = budgets(of) if len(of.extras.budgets) > SHOWN else []
    said = [f"{visible(b['budget'])} is {b['why']}" for b in of.extras.budgets_left_out]
    return found + ([{"title": "Budgets that are not shown here", "list": said}] if said else [])


def _part(budget: dict[str, Any]) -> Decimal:
    amount: Decimal = budget["amount"]
    return budget["spent"] / amount if amount else Decimal(0)
