"""What a statement answers at the first look: the sums, who pays, and whether it became more."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pipeline.answers.cost_table import NOBODYS
from pipeline.answers.window import DAY
from reports.statement import Statement, Team
from reports.tables import SENTENCE, table, visible
from reports.words import hours, money, percent, provisional, who

SHOWN = 14
"""Teams on the first page; all are in the file."""


def _share(team: Team) -> float | None:
    own = team.amounts
    if not own.total or own.used is None:
        return None
    return float(max(Decimal(0), min(Decimal(1), own.used / own.total)))


def who_pays(of: Statement) -> list[dict[str, Any]]:
    shown = sorted(of.teams, key=lambda t: -t.due(of.currency))
    rows = [_team_row(of, team) for team in shown[:SHOWN]]
    if rest := shown[SHOWN:]:
        due = sum((t.due(of.currency) for t in rest), Decimal(0))
        usage = sum((t.amounts.total or Decimal(0) for t in rest), Decimal(0))
        more = money(due - usage, of.currency)
        shown_as = (money(usage, of.currency), more, money(due, of.currency))
        rows.append([f"{len(rest)} more teams, listed below", "", "", "", *shown_as])
    heads = ["Team", "used / unused", "held h", "active h", "usage", "adjusted", f"due ({of.currency})"]
    whole = of.amounts
    all_due = of.due(of.currency)
    sums = (money(whole.total, of.currency), money(all_due - (whole.total or 0), of.currency))
    total = ["Total", "", hours(whole.allocated), hours(whole.active), *sums, money(all_due, of.currency)]
    others = [f"Due in {code} besides: {money(of.due(code), code)}" for code in of.currencies[1:]]
    charged = of.charged(of.currency)
    found: list[dict[str, Any]] = [{"title": "Who pays", "table": table(heads, rows, "llrrrrr", total)}]
    if not of.of and charged != all_due:
        other = money(all_due - charged, of.currency)
        others = [
            f"Charged to teams: {money(charged, of.currency)}. Only shown, or held by nobody: {other}.",
            *others,
        ]
    return found + ([{"title": "What of it is charged", "list": others}] if others else [])


def _team_row(of: Statement, team: Team) -> list[Any]:
    own, due = team.amounts, team.due(of.currency)
    named = who(team.name) + (" (shown only)" if team.term.mode == "showback" else "")
    if team.name in NOBODYS:
        named += f" ({hours(own.unallocated)} h)"
    amounts = (own.total, due - (own.total or Decimal(0)), due)
    shown = (money(amount, of.currency) for amount in amounts)
    return [named, _share(team), hours(own.allocated), hours(own.active), *shown]


def cards(of: Statement) -> list[list[str]]:
    """The four numbers of the first look, each with what it is."""
    code, own = of.currency, of.amounts
    second = [money(of.charged(code), code), f"{code} of it charged to teams"]
    if of.of:
        second = [hours(own.allocated + own.unallocated), "GPU-hours"]
    return [
        [money(of.due(code), code), f"{code} due{' so far' if of.is_provisional else ''}"],
        second,
        [percent(own.used, own.total), "of the cost is time in use"],
        [percent(of.completeness, Decimal(1)), "of the time was observed"],
    ]


def subtitle(of: Statement) -> str:
    """Whose, of when, in what, and whether it is only shown."""
    last = of.month.end - DAY
    shown = " · shown only, not charged" if of.of and not of.teams[0].is_charged else ""
    whose = visible(who(of.of) if of.of else "All teams")
    return f"{whose} · {of.month.start:%Y-%m-%d} to {last:%Y-%m-%d} UTC · {of.currency}{shown}"


def warnings(of: Statement) -> list[str]:
    if of.is_provisional:
        return [provisional(of)]
    return [f"Closed with gaps that were accepted: {visible(gap, SENTENCE)}" for gap in of.accepted]


def foot(of: Statement) -> str:
    state = f"closed {of.closed_at:%Y-%m-%d %H:%M}Z · hash {of.hash}" if of.hash else "not closed"
    return f"{state} · snapshot {of.snapshot} · prices {visible(of.price_book)} · rule {visible(of.rule)}"


def trend(of: Statement) -> list[dict[str, Any]]:
    sums: dict[Any, Decimal] = {}
    for month, _, code, amount in of.extras.trend:
        if code == of.currency:
            sums[month] = sums.get(month, Decimal(0)) + amount
    if not sums:
        return []
    months = sorted(sums)[-5:]
    now = of.due(of.currency)
    before = sums[months[-1]]
    change = f"{(now - before) / before * 100:+.1f}%" if before and not of.is_provisional else "–"
    this = "this month so far" if of.is_provisional else "this month"
    heads = ["Closed months", *(f"{m:%Y-%m}" for m in months), this, "change"]
    row = ["due", *(money(amount, of.currency) for amount in (*map(sums.__getitem__, months), now)), change]
    return [{"title": "Trend", "table": table(heads, [row], "l" + "r" * (len(heads) - 1))}]
