"""The sheets of a statement's workbook: those of the first page, and one for each part that explains it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipeline.answers.cost_table import NOBODYS
from reports.amounts import Amounts
from reports.first_page import is_part
from reports.lines import model_name
from reports.marker import marker
from reports.method import method
from reports.pages import buckets, paid_for
from reports.posting import posting
from reports.statement import LINE_BY, Statement
from reports.words import KINDS, action, additions, part_of_a_month, percent, tenths, who

Sheet = tuple[str, list[list[Any]], bool]
"""Name, rows with their heads first, and whether the last row is a sum.

A head's last word says what its numbers are: h hours, each the price of one, part a share of 1, else money.
"""


def sheets(of: Statement) -> list[Sheet]:
    """In the order of the PDF's sections; a part of which the month has nothing has its heads alone."""
    return [_teams(of), *(make(of) for make in PARTS)]


_HEADS = ["held h", "active h", "idle held h", "unpriced h", "used", "unused", "usage"]


def _numbers(own: Amounts) -> list[Any]:
    return [own.allocated, own.active, own.idle_held, own.unpriced, own.used, own.idle, own.total]


def _teams(of: Statement) -> Sheet:
    due = [f"in all ({code})" for code in of.currencies]
    rows = [
        [who(t.name), "" if t.name in NOBODYS else t.term.mode, t.cost_centre, t.term.gl_code,
         *_numbers(t.amounts), *map(t.due, of.currencies)]
        for t in of.teams
    ]  # fmt: skip
    total = ["Total", "", "", "", *_numbers(of.amounts), *map(of.due, of.currencies)]
    return "Teams", [["team", "mode", "cost centre", "GL code", *_HEADS, *due], *rows, total], True


def _trend(of: Statement) -> Sheet:
    def seen(month: datetime, so_far: str = "") -> str:
        return f"from {of.extras.began:%Y-%m-%d} on" if is_part(of, month) else so_far

    rows = [
        [f"{month:%Y-%m}", who(team), amount, code, seen(month)]
        for month, team, code, amount in of.extras.trend
    ]
    this = seen(of.month.start, "so far" if of.is_provisional else "")
    now = [
        [f"{of.month.start:%Y-%m}", who(team.name), team.due(code), code, this]
        for team in of.teams
        for code in of.currencies
        if code == of.currency or team.due(code)
    ]
    return "Trend", [["month", "team", "in all", "currency", "how much of it"], *rows, *now], False


def _lines(of: Statement) -> Sheet:
    rows = [
        [who(line.team), *(_named(getattr(line, name)) for name in LINE_BY[1:]), *_numbers(line.amounts)]
        for t in of.teams
        for line in t.lines
    ]
    return "Lines", [[*LINE_BY, *_HEADS], *rows], False


def _more(of: Statement) -> Sheet:
    rows = [
        [who(t.name), KINDS[kind], f"{month:%Y-%m}", why, amount, code]
        for t in of.teams
        for kind, month, why, code, amount in additions(t)
    ]
    return "Adjustments", [["team", "what", "of", "why", "amount", "currency"], *rows], False


def _paid(of: Statement) -> Sheet:
    rows = [[model, held, cost / held if held else None, cost] for model, held, cost in paid_for(of)]
    return "Paid for", [["GPU", "GPU h", "a GPU-hour each", of.currency], *rows], False


def _buckets(of: Statement) -> Sheet:
    total = of.amounts.total
    found = buckets(of, total) if total else []
    rows = [[name, value, part / 100, of.rule] for name, value, part in found]
    return "Where time went", [["where", of.currency, "part", "rule"], *rows], False


def _budgets(of: Statement) -> Sheet:
    rows = [
        [
            b["budget"],
            b["amount"],
            b["spent"],
            b["left"],
            _part(b["spent"], b["amount"]),
            b["said"],
        ]
        for b in of.extras.budgets
    ]
    rows += [[b["budget"], None, None, None, None, b["why"]] for b in of.extras.budgets_left_out]
    return "Budgets", [["budget", "planned", "spent", "left", "spent part", "how, or why not"], *rows], False


def _units(of: Statement) -> Sheet:
    rows = [
        [model_name(u["model"], u["model_version"]), u["requests"], u["cost_per_1k_requests"],
         _part(u["accuracy"]), u["cost_per_1k_correct"], u["cost_of_drift"]]
        for u in of.extras.units
    ]  # fmt: skip
    heads = [
        "model version",
        "requests",
        "1,000 requests each",
        "right part",
        "1,000 right each",
        "cost of drift",
    ]
    return "Unit costs", [heads, *rows], False


def _judged(of: Statement) -> Sheet:
    rows = [
        [f"{j.month:%Y-%m}", model_name(j.model, j.model_version),
         *(cell for side in (j.then, j.now) for cell in (side.labelled, _part(side.right), side.cost)),
         j.currency]
        for j in of.extras.judged
    ]  # fmt: skip
    sides = [
        f"{side} {what}"
        for side in ("then", "now")
        for what in ("labelled", "right part", "1,000 right each")
    ]
    return "Judged since", [["closed month", "model version", *sides, "currency"], *rows], False


def _actions(of: Statement) -> Sheet:
    rows = [list(action(row)) for row in of.extras.actions]
    return "Actions", [["when", "what", "where", "state", "what came of it", "saved"], *rows], False


def _anomalies(of: Statement) -> Sheet:
    rows = [
        [
            f"{a['time']:%Y-%m-%d}",
            a["cost"],
            a["baseline"],
            a["difference"],
            str(a["driver"]),
            str(a["where"]),
        ]
        for a in of.extras.anomalies
        if not a.get("team")
    ]
    return "Unusual days", [["day", "cost", "usual", "difference", "driver", "where"], *rows], False


def _about(of: Statement) -> Sheet:
    seen = "unknown" if of.completeness is None else f"{percent(of.completeness)} of the time was observed"
    rows: list[Sequence[str]] = [
        ("month", f"{of.month.start:%Y-%m}"), ("currency", of.currency), ("completeness", seen),
        ("price book", of.price_book), ("rule", of.rule), ("snapshot", str(of.snapshot)),
        ("hash", of.hash or "not closed"), ("statement", marker(of)),
        *(("method", sentence) for sentence in method(of)), *(("note", note) for note in of.notes),
        *(("accepted gap", gap) for gap in of.accepted),
        *([("part of a month", part_of_a_month(of))] if of.is_begun_amid else []),
        *(("before it is posted", said) for said in posting(of.teams, of.currency)),
    ]  # fmt: skip
    return "About", [["what", "value"], *map(list, rows)], False


def _part(share: Decimal | float | None, whole: Decimal = Decimal(1)) -> Decimal | None:
    """Of 1, rounded as the pages round it."""
    found = tenths(share, whole)
    return None if found is None else found / 100


def _named(name: str) -> str:
    """Nobody's names are none's."""
    return "" if name in ("none", *NOBODYS) else name


PARTS = (_lines, _more, _trend, _paid, _buckets, _budgets, _units, _judged, _actions, _anomalies, _about)
