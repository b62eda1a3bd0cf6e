"""The sections of a statement's pages, as tables and lists that the typst template sets."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from pipeline.answers.cost_table import NOBODYS
from pipeline.answers.window import DAY
from pipeline.facts.months import BUCKETS
from pipeline.months.charge import BY, USAGE
from reports.amounts import Amounts
from reports.statement import Statement, Team
from reports.words import (
    KINDS,
    METHOD,
    NAMES,
    action,
    additions,
    hours,
    money,
    percent,
    provisional,
    shares,
    unit,
    who,
)  # fmt: skip

GPU_MODEL = BY.index("gpu_model")
SHOWN = 14
"""Teams on the first page; all are in the file."""


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[Any]], align: str, total: Sequence[str] | None = None
) -> dict[str, Any]:
    widths = ["fr" if i == 0 else "auto" for i in range(len(heads))]
    return {
        "heads": list(heads),
        "rows": [[visible(c) if a == "l" else c for a, c in zip(align, row, strict=True)] for row in rows],
        "align": list(align),
        "total": None if total is None else list(total),
        "widths": widths,
    }


def visible(value: Any) -> Any:
    """Control and direction characters as their codes; a name that is too long for a page is cut."""
    if not isinstance(value, str):
        return value
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)
    cut = plain if len(plain) <= 90 else f"{plain[:80]}… ({len(plain)} characters)"
    return "\u200b".join(cut[i : i + 20] for i in range(0, len(cut), 20)) if " " not in cut else cut


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
    heads = ["Team", "used / idle", "held h", "active h", "usage", "adjusted", f"due ({of.currency})"]
    whole = of.amounts
    all_due = of.due(of.currency)
    sums = (money(whole.total, of.currency), money(all_due - (whole.total or 0), of.currency))
    total = ["Total", "", hours(whole.allocated), hours(whole.active), *sums, money(all_due, of.currency)]
    others = [f"Due in {code} besides: {money(of.due(code), code)}" for code in of.currencies[1:]]
    charged = of.charged(of.currency)
    found: list[dict[str, Any]] = [{"title": "Who pays", "table": _table(heads, rows, "llrrrrr", total)}]
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
    return [f"Closed with gaps that were accepted: {visible(gap)}" for gap in of.accepted]


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
    return [{"title": "Trend", "table": _table(heads, [row], "l" + "r" * (len(heads) - 1))}]


def _buckets(of: Statement) -> list[dict[str, Any]]:
    total = of.amounts.total
    if not total:
        return []
    held = [(NAMES[name], value) for name, value in zip(BUCKETS, of.buckets, strict=True) if value]
    parts = shares([value for _, value in held], total)
    rows = [[name, money(value, of.currency), part] for (name, value), part in zip(held, parts, strict=True)]
    title = f"Where the time of the GPUs went; idle and shared time by rule {visible(of.rule)}"
    return [{"title": title, "table": _table(["", of.currency, "share"], rows, "lrr")}]


def _models_of_gpu(of: Statement) -> list[dict[str, Any]]:
    """What was paid for: GPU-hours, and what one came to."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for c in of.charges:
        if c.kind == USAGE and c.amount is not None:
            hours_of, cost = sums.get(c.key[GPU_MODEL], (Decimal(0), Decimal(0)))
            sums[c.key[GPU_MODEL]] = (hours_of + c.hours[0] + c.hours[4], cost + c.amount)
    rows = [
        [model or "unknown", hours(held), unit(cost / held if held else None), money(cost, of.currency)]
        for model, (held, cost) in sorted(sums.items(), key=lambda kept: (-kept[1][1], kept[0]))
    ]
    heads = ["GPU", "GPU-hours", "a GPU-hour", of.currency]
    return [{"title": "What was paid for", "table": _table(heads, rows, "lrrr")}] if rows else []


def _lines(of: Statement) -> list[dict[str, Any]]:
    found = []
    for team in of.teams:
        rows = [
            [" · ".join((line.namespace, line.workload)), _model(line.model, line.model_version),
             *map(hours, (line.amounts.allocated, line.amounts.active, line.amounts.idle_held)),
             *_costs(line.amounts, of.currency)]
            for line in team.lines
        ]  # fmt: skip
        if not rows or team.name in NOBODYS:
            continue
        own = team.amounts
        total = ["Total", "", *map(hours, (own.allocated, own.active, own.idle_held)),
                 *_costs(own, of.currency)]  # fmt: skip
        heads = [
            "Workload",
            "Model",
            "held h",
            "active h",
            "idle h",
            "used",
            "idle",
            f"total ({of.currency})",
        ]
        account = " · ".join(
            f"{n} {visible(v)}"
            for n, v in (("cost centre", team.cost_centre), ("GL", team.term.gl_code))
            if v
        )
        title = visible(who(team.name)) + (f" · {account}" if account else "")
        found.append({"title": title, "table": _table(heads, rows, "llrrrrrr", total)})
    return found


def _costs(own: Amounts, currency: str) -> list[str]:
    return [money(cost, currency) for cost in (own.used, own.idle, own.total)]


def _model(model: str, version: str) -> str:
    return "" if model in ("none", "") else f"{model} {version}"


def _more(of: Statement) -> list[dict[str, Any]]:
    rows = [
        [who(team.name), KINDS[kind], f"{month:%Y-%m}", why, money(amount, code), code]
        for team in of.teams
        for kind, month, why, code, amount in additions(team)
    ]
    heads = ["Team", "What", "Of", "Why", "amount", ""]
    if not rows:
        return [{"title": "Corrections, bookings, mark-up and tax", "list": ["None in this month."]}]
    return [{"title": "Corrections, bookings, mark-up and tax", "table": _table(heads, rows, "llllrl")}]


def _units(of: Statement) -> list[dict[str, Any]]:
    rows = [
        [_model(u["model"], u["model_version"]), f"{u['requests'] or 0:,}", unit(u["cost_per_1k_requests"]),
         "–" if u["accuracy"] is None else f"{u['accuracy']:.1%}", unit(u["cost_per_1k_correct"]),
         unit(u["cost_of_drift"])]
        for u in of.extras.units
    ]  # fmt: skip
    heads = ["Model version", "requests", "per 1,000 requests", "right", "per 1,000 right", "cost of drift"]
    title = f"What an answer costs, {of.currency}"
    return [{"title": title, "table": _table(heads, rows, "lrrrrr")}] if rows else []


def _did(of: Statement) -> list[dict[str, Any]]:
    rows = [list(action(row)) for row in of.extras.actions]
    heads = ["When", "What", "Where", "State", "Why", f"Saved ({of.currency})"]
    if not rows:
        return [{"title": "Actions taken", "list": ["None in this month."]}]
    widths = ["auto", "fr", "fr", "auto", "fr", "auto"]
    return [{"title": "Actions taken", "table": {**_table(heads, rows, "llllll"), "widths": widths}}]


def _anomalies(of: Statement) -> list[dict[str, Any]]:
    if of.of:
        return []
    rows = [
        [f"{a['time']:%Y-%m-%d}", *(money(a[n], of.currency) for n in ("cost", "baseline", "difference")),
         str(a["driver"]), str(a["where"])]
        for a in of.extras.anomalies
    ]  # fmt: skip
    heads = ["Day", "cost", "usual", "difference", "driver", "where"]
    if not rows:
        return [{"title": "Unusual days", "list": ["None, as far as there are weeks to compare with."]}]
    return [{"title": "Unusual days", "table": _table(heads, rows, "lrrrll")}]


def _budgets(of: Statement) -> list[dict[str, Any]]:
    rows = [[b["budget"], *(money(b[n], of.currency) for n in ("amount", "spent", "left")),
             percent(b["spent"], b["amount"])] for b in of.extras.budgets]  # fmt: skip
    heads = ["Budget", "planned", "spent", "left", "share"]
    return [{"title": f"Budgets, {of.currency}", "table": _table(heads, rows, "lrrrr")}] if rows else []


def _words(of: Statement) -> list[dict[str, Any]]:
    notes = [visible(note) for note in of.notes]
    return [
        {"title": "How this was computed", "list": list(METHOD)},
        {"title": "What to know of these numbers", "list": notes},
    ]


DETAILS = (_models_of_gpu, _buckets, _budgets, _more, _lines, _units, _did, _anomalies, _words)
