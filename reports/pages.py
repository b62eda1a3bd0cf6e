"""The sections that explain a statement, as tables and lists."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pipeline.facts.months import BUCKETS
from pipeline.months.charge import BY, USAGE
from reports import team_page
from reports.budgets import explained
from reports.judged import Verdict
from reports.lines import lines, model_name
from reports.method import method
from reports.statement import Statement
from reports.tables import SENTENCE, table, visible
from reports.words import KINDS, NAMES, action, additions, hours, money, percent, shares, unit, who

GPU_MODEL = BY.index("gpu_model")


def buckets(of: Statement, total: Decimal) -> list[tuple[str, Decimal, Decimal]]:
    """(where the time went, amount, share of `total` in per cent) of each bucket that has an amount."""
    held = [(NAMES[name], value) for name, value in zip(BUCKETS, of.buckets, strict=True) if value]
    parts = shares([value for _, value in held], total)
    return [(name, value, part) for (name, value), part in zip(held, parts, strict=True)]


def _buckets(of: Statement) -> list[dict[str, Any]]:
    total = of.amounts.total
    if not total:
        return []
    rows = [[name, money(value, of.currency), f"{part:.1f}%"] for name, value, part in buckets(of, total)]
    title = f"Where the time of the GPUs went; idle and shared time by rule {visible(of.rule)}"
    return [{"title": title, "table": table(["", of.currency, "share"], rows, "lrr")}]


def paid_for(of: Statement) -> list[tuple[str, Decimal, Decimal]]:
    """(GPU model, GPU-hours, amount), the dearest first."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for c in of.charges:
        if c.kind == USAGE and c.amount is not None:
            hours_of, cost = sums.get(c.key[GPU_MODEL], (Decimal(0), Decimal(0)))
            sums[c.key[GPU_MODEL]] = (hours_of + c.hours[0] + c.hours[4], cost + c.amount)
    rows = [(model or "unknown", held, cost) for model, (held, cost) in sums.items()]
    return sorted(rows, key=lambda row: (-row[2], row[0]))


_AS_HELD = ("allocation/idle-none/shared-none", "max/idle-none/shared-none")
"""Rules by which a GPU-hour costs its price: by others one GPU pays for idle hours of another."""


def _models_of_gpu(of: Statement) -> list[dict[str, Any]]:
    """What was paid for: GPU-hours, and what one came to."""
    rows = [
        [model, hours(held), unit(cost / held if held else None), money(cost, of.currency)]
        for model, held, cost in paid_for(of)
    ]
    heads = ["GPU", "GPU-hours", "a GPU-hour", of.currency]
    moved = "" if of.rule.startswith(_AS_HELD) else ", each with its part of what the rule spreads"
    return [{"title": f"What was paid for{moved}", "table": table(heads, rows, "lrrr")}] if rows else []


def _lines(of: Statement) -> list[dict[str, Any]]:
    if of.of and len(of.teams[0].lines) <= team_page.SHOWN:
        return []
    return [part for team in of.teams for part in lines(team, of.currency)]


def _more(of: Statement) -> list[dict[str, Any]]:
    rows = [
        [who(team.name), KINDS[kind], f"{month:%Y-%m}", why, money(amount, code), code]
        for team in of.teams
        for kind, month, why, code, amount in additions(team)
        if amount
    ]
    heads = ["Team", "What", "Of", "Why", "amount", ""]
    if not rows:
        return [{"title": "Corrections, bookings, mark-up and tax", "list": ["None in this month."]}]
    return [{"title": "Corrections, bookings, mark-up and tax", "table": table(heads, rows, "llllrl")}]


def _units(of: Statement) -> list[dict[str, Any]]:
    rows = [
        [
            model_name(u["model"], u["model_version"]),
            f"{u['requests'] or 0:,}",
            unit(u["cost_per_1k_requests"]),
            percent(u["accuracy"]),
            unit(u["cost_per_1k_correct"]),
            unit(u["cost_of_drift"]),
        ]
        for u in of.extras.units
    ]
    heads = ["Model version", "requests", "per 1,000 requests", "right", "per 1,000 right", "cost of drift"]
    title = f"What an answer costs, {of.currency}"
    return [{"title": title, "table": table(heads, rows, "lrrrrr")}] if rows else []


def _judged(of: Statement) -> list[dict[str, Any]]:
    def side(told: Verdict) -> list[str]:
        return [f"{told.labelled:,}", percent(told.right), unit(told.cost)]

    rows = [
        [f"{j.month:%Y-%m}", model_name(j.model, j.model_version), *side(j.then), *side(j.now), j.currency]
        for j in of.extras.judged
    ]
    heads = ["Closed month", "Model version", "labelled then", "right then", "per 1,000 right then",
             "labelled now", "right now", "per 1,000 right now", ""]  # fmt: skip
    title = "Judged since: labels that came after a month was closed; nothing of it is billed"
    return [{"title": title, "table": table(heads, rows, "llrrrrrrl")}] if rows else []


def _did(of: Statement) -> list[dict[str, Any]]:
    rows = [list(action(row)) for row in of.extras.actions]
    heads = ["When", "What", "Where", "State", "What came of it", "Saved"]
    if not rows:
        return [{"title": "Actions taken", "list": ["None in this month."]}]
    widths = ["auto", "fr", "fr", "auto", "fr", "auto"]
    return [{"title": "Actions taken", "table": {**table(heads, rows, "llllll"), "widths": widths}}]


def _anomalies(of: Statement) -> list[dict[str, Any]]:
    rows = [
        [f"{a['time']:%Y-%m-%d}", *(money(a[n], of.currency) for n in ("cost", "baseline", "difference")),
         str(a["driver"]), str(a["where"])]
        for a in of.extras.anomalies
        if not a.get("team")
    ]  # fmt: skip
    heads = ["Day", "cost", "usual", "difference", "driver", "where"]
    if not rows:
        return [{"title": "Unusual days", "list": ["None, as far as there are weeks to compare with."]}]
    return [{"title": "Unusual days", "table": table(heads, rows, "lrrrll")}]


def _words(of: Statement) -> list[dict[str, Any]]:
    notes = [_sentence(visible(note, SENTENCE)) for note in of.notes]
    known = [{"title": "What to know of these numbers", "list": notes}] if notes else []
    return [{"title": "How this was computed", "list": method(of)}, *known, *_checks(of)]


def _checks(of: Statement) -> list[dict[str, Any]]:
    """What who doubts a closed statement can do."""
    said = [
        "driftledger report verify FILE computes the month again and compares this file with it.",
        f"driftledger report explain TEAM --month {of.month.start:%Y-%m} walks a team's lines down to hours, "
        "prices and the rule; cluster_idle is the line of what nobody held.",
    ]
    return [{"title": "How to check it", "list": said}] if of.hash else []


def _sentence(note: str) -> str:
    return f"{note[:1].upper()}{note[1:]}{'' if note.endswith('.') else '.'}"


DETAILS = (_models_of_gpu, _buckets, explained, _more, _lines, _units, _judged, _did, _anomalies, _words)
