"""What a statement answers at the first look: the sums, who pays, and whether it became more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipeline.answers.cost_table import NOBODYS
from pipeline.answers.window import DAY
from reports import team_page
from reports.budgets import SHOWN as BUDGETS
from reports.budgets import budgets
from reports.posting import posting
from reports.statement import Statement, Team
from reports.tables import SENTENCE, table, visible
from reports.words import besides, hours, in_use, money, part_of_a_month, percent, provisional, who

SHOWN = 12
"""Teams on the first page; all are in the file."""


def answer(of: Statement) -> list[dict[str, Any]]:
    """The tables of the first page, in their order."""
    first = [*team_page.comes_to(of), *team_page.workloads(of)] if of.of else who_pays(of)
    return [*first, *trend(of), *budgets(of, BUDGETS)]


def _share(team: Team) -> float | None:
    part = in_use(team.buckets, team.amounts.total)
    return None if part is None else float(max(Decimal(0), min(Decimal(100), part)) / 100)


def who_pays(of: Statement) -> list[dict[str, Any]]:
    """The teams, the dearest first, and how each differs from the month before; what of it is charged."""
    code, before = of.currency, _last_month(of)
    ordered = sorted(of.teams, key=lambda t: -t.due(code))
    shown, rest = ordered[:SHOWN], ordered[SHOWN:]
    rows = [_team_row(of, team) for team in shown]
    if rest:
        usage = sum((t.amounts.total or Decimal(0) for t in rest), Decimal(0))
        sums = _sums(usage, sum((t.due(code) for t in rest), Decimal(0)), code)
        rows.append([f"{len(rest)} more teams, listed below", "", "", "", *sums])
    whole, all_due = of.amounts, of.due(code)
    total = ["Total", "", hours(whole.allocated), hours(whole.active), *_sums(whole.total, all_due, code)]
    heads = ["Team", "used / unused", "held h", "active h", "usage", "adjusted", f"in all ({code})"]
    if before:
        heads.append(f"vs {max(m for m, *_ in of.extras.trend):%Y-%m}")
        groups = [*([team] for team in shown), *([rest] if rest else [])]
        for row, group in zip([*rows, total], [*groups, None], strict=True):
            row.append(_change(of, group, before))
    aligned = "ll" + "r" * (len(heads) - 2)
    found: list[dict[str, Any]] = [{"title": "Who pays", "table": table(heads, rows, aligned, total)}]
    charged, others = of.charged(code), besides(of)
    if charged != all_due:
        other = money(all_due - charged, code)
        others = [
            f"Charged to teams: {money(charged, code)}. Only shown, or held by nobody: {other}.",
            *others,
        ]
    others += posting(of.teams, code)
    return found + ([{"title": "What of it is charged", "list": others}] if others else [])


def _sums(usage: Decimal | None, due: Decimal, code: str) -> list[str]:
    return [money(amount, code) for amount in (usage, due - (usage or Decimal(0)), due)]


def _last_month(of: Statement) -> dict[str, Decimal]:
    """What each team was charged for the last closed month in the statement's currency; {} before the second,
    and where this or the last is a part of a month, which is less than a whole one."""
    if of.is_provisional or not of.extras.trend:
        return {}
    last = max(month for month, *_ in of.extras.trend)
    if is_part(of, last):
        return {}
    sums: dict[str, Decimal] = {}
    for month, team, code, amount in of.extras.trend:
        if month == last and code == of.currency:
            sums[team] = sums.get(team, Decimal(0)) + amount
    return sums


def _change(of: Statement, teams: Sequence[Team] | None, before: dict[str, Decimal]) -> str:
    """Of those teams together; None is all, with those that are no longer there."""
    now = sum((team.due(of.currency) for team in teams), Decimal(0)) if teams else of.due(of.currency)
    names = before if teams is None else {team.name for team in teams} & before.keys()
    then = sum((before[name] for name in names), Decimal(0))
    if not names:
        return "new" if now else "–"
    return f"{(now - then) / then * 100:+.1f}%" if then > 0 else "–"


def _team_row(of: Statement, team: Team) -> list[Any]:
    own = team.amounts
    named = who(team.name) + (" (shown only)" if team.term.mode == "showback" else "")
    if team.name in NOBODYS:
        named += f" ({hours(own.unallocated)} h)"
    sums = _sums(own.total, team.due(of.currency), of.currency)
    return [named, _share(team), hours(own.allocated), hours(own.active), *sums]


def cards(of: Statement) -> list[list[str]]:
    """The four numbers of the first look, each with what it is."""
    code, own = of.currency, of.amounts
    so_far = " so far" if of.is_provisional else ""
    used = in_use(of.buckets, own.total)
    first = f"{code} in all{so_far}"
    second = [money(of.charged(code), code), f"{code} of it charged to teams"]
    if of.of:
        first = f"{code} due{so_far}" if of.teams[0].is_charged else f"{code}{so_far}, shown only"
        second = [hours(own.allocated + own.unallocated), "GPU-hours"]
    return [
        [money(of.due(code), code), first],
        second,
        ["–" if used is None else f"{used}%", "of the cost is time in use"],
        [percent(of.completeness), "of the time was observed"],
    ]


def subtitle(of: Statement) -> str:
    """Whose, of when, in what, and whether it is only shown."""
    last = of.month.end - DAY
    shown = " · shown only, not charged" if of.of and not of.teams[0].is_charged else ""
    whose = visible(who(of.of) if of.of else "All teams")
    return f"{whose} · {of.month.start:%Y-%m-%d} to {last:%Y-%m-%d} UTC · {of.currency}{shown}"


def warnings(of: Statement) -> list[str]:
    said = [part_of_a_month(of)] if of.is_begun_amid else []
    if of.is_provisional:
        return [provisional(of), *said]
    return said + [f"Closed with gaps that were accepted: {visible(gap, SENTENCE)}" for gap in of.accepted]


def foot(of: Statement) -> list[str]:
    """Which statement it is, in two lines."""
    state = f"closed {of.closed_at:%Y-%m-%d %H:%M}Z · hash {of.hash}" if of.hash else "not closed"
    return [state, f"snapshot {of.snapshot} · price book {visible(of.price_book)} · rule {visible(of.rule)}"]


def is_part(of: Statement, month: datetime) -> bool:
    """Whether the ledger begins amid that month."""
    return of.extras.began is not None and f"{of.extras.began:%Y-%m}" == f"{month:%Y-%m}"


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
    like = bool(before) and not of.is_provisional and not is_part(of, months[-1])
    change = f"{(now - before) / before * 100:+.1f}%" if like else "–"
    this = "this month so far" if of.is_provisional else "this month"
    named = [f"{m:%Y-%m}{' (part)' if is_part(of, m) else ''}" for m in months]
    heads = ["Closed months", *named, this, "change"]
    row = [
        "in all" if not of.of else "due",
        *(money(amount, of.currency) for amount in (*map(sums.__getitem__, months), now)),
        change,
    ]
    said = f": the ledger begins on {of.extras.began:%Y-%m-%d}" if any(is_part(of, m) for m in months) else ""
    return [{"title": f"Trend{said}", "table": table(heads, [row], "l" + "r" * (len(heads) - 1))}]
