"""The first page of one team's statement: what it comes to, and its workloads, the dearest first."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from reports.lines import lines
from reports.posting import posting
from reports.statement import Statement
from reports.tables import table
from reports.words import KINDS, additions, besides, hours, money

SHOWN = 10
"""Workloads on the first page; all are in the file."""


def comes_to(of: Statement) -> list[dict[str, Any]]:
    """Usage, each kind of what comes to it, and their sum; besides, what is due in other currencies."""
    (team,) = of.teams
    sums = {kind: Decimal(0) for kind in KINDS}
    for kind, _, _, code, amount in additions(team):
        if code == of.currency:
            sums[kind] += amount
    held = hours(team.amounts.allocated + team.amounts.unallocated)
    rows = [[f"usage, {held} GPU-hours", money(team.amounts.total, of.currency)]]
    rows += [[KINDS[kind], money(amount, of.currency)] for kind, amount in sums.items() if amount]
    total = ["Due" if team.is_charged else "In all, shown only", money(team.due(of.currency), of.currency)]
    heads = ["What it comes to", of.currency]
    found: list[dict[str, Any]] = [{"title": heads[0], "table": table(["", heads[1]], rows, "lr", total)}]
    if others := besides(of):
        found.append({"title": "In other currencies", "list": others})
    if said := posting(of.teams, of.currency):
        found.append({"title": "Before it is posted", "list": said})
    return found


def workloads(of: Statement) -> list[dict[str, Any]]:
    """Those of its first page."""
    return lines(of.teams[0], of.currency, SHOWN)
