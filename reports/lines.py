"""A team's workloads: the hours that each held, what of them was used, and what it costs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pipeline.answers.cost_table import NOBODYS
from reports.amounts import Amounts
from reports.statement import Line, Team
from reports.tables import table, visible
from reports.words import hours, money, who

_HEADS = ("Workload", "Model", "held h", "active h", "idle h", "used", "unused")


def lines(team: Team, currency: str, most: int | None = None) -> list[dict[str, Any]]:
    """A table of them with their sum; of `most` the dearest, and the others in one row.  None of nobody's."""
    if not team.lines or team.name in NOBODYS:
        return []
    shown, more = list(team.lines), 0
    if most is not None and (more := len(shown) - most) > 0:
        shown = sorted(shown, key=lambda line: -(line.amounts.total or Decimal(0)))[:most]
    rows = [_row(line, currency) for line in shown]
    if more > 0:
        rows.append([f"{more} more workloads, listed below", "", *[""] * 5, _rest(team, shown, currency)])
    total = ["Total", "", *_numbers(team.amounts, currency)]
    heads = (*_HEADS, f"total ({currency})")
    return [{"title": _title(team), "table": table(heads, rows, "llrrrrrr", total)}]


def model_name(model: str, version: str) -> str:
    return "" if model in ("none", "") else f"{model} {version}"


def _row(line: Line, currency: str) -> list[str]:
    named = " · ".join((line.namespace, line.workload))
    return [named, model_name(line.model, line.model_version), *_numbers(line.amounts, currency)]


def _numbers(own: Amounts, currency: str) -> list[str]:
    held = map(hours, (own.allocated, own.active, own.idle_held))
    return [*held, *(money(cost, currency) for cost in (own.used, own.idle, own.total))]


def _rest(team: Team, shown: list[Line], currency: str) -> str:
    own = sum((line.amounts.total or Decimal(0) for line in shown), Decimal(0))
    return money((team.amounts.total or Decimal(0)) - own, currency)


def _title(team: Team) -> str:
    parts = (("cost centre", team.cost_centre), ("GL", team.term.gl_code))
    account = "".join(f" · {name} {visible(value)}" for name, value in parts if value)
    return f"{visible(who(team.name))}{account}{'' if team.is_charged else ' · shown only, not charged'}"
