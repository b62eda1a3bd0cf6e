"""The sections that explain a statement, as tables and lists."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pipeline.answers.cost_table import NOBODYS
from pipeline.facts.months import BUCKETS
from pipeline.months.charge import BY, USAGE
from reports.amounts import Amounts
from reports.judged import Verdict
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


def _models_of_gpu(of: Statement) -> list[dict[str, Any]]:
    """What was paid for: GPU-hours, and what one came to."""
    rows = [
        [model, hours(held), unit(cost / held if held else None), money(cost, of.currency)]
        for model, held, cost in paid_for(of)
    ]
    heads = ["GPU", "GPU-hours", "a GPU-hour", of.currency]
    return [{"title": "What was paid for", "table": table(heads, rows, "lrrr")}] if rows else []


def _lines(of: Statement) -> list[dict[str, Any]]:
    found = []
    for team in of.teams:
        rows = [
            [" · ".join((line.namespace, line.workload)), model_name(line.model, line.model_version),
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
            "unused",
            f"total ({of.currency})",
        ]
        account = " · ".join(
            f"{n} {visible(v)}"
            for n, v in (("cost centre", team.cost_centre), ("GL", team.term.gl_code))
            if v
        )
        shown = "" if team.is_charged else " · shown only, not charged"
        title = visible(who(team.name)) + (f" · {account}" if account else "") + shown
        found.append({"title": title, "table": table(heads, rows, "llrrrrrr", total)})
    return found


def _costs(own: Amounts, currency: str) -> list[str]:
    return [money(cost, currency) for cost in (own.used, own.idle, own.total)]


def model_name(model: str, version: str) -> str:
    return "" if model in ("none", "") else f"{model} {version}"


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
            _part(u["accuracy"]),
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
        return [f"{told.labelled:,}", _part(told.right), unit(told.cost)]

    rows = [
        [f"{j.month:%Y-%m}", model_name(j.model, j.model_version), *side(j.then), *side(j.now), j.currency]
        for j in of.extras.judged
    ]
    heads = ["Closed month", "Model version", "labelled then", "right then", "per 1,000 right then",
             "labelled now", "right now", "per 1,000 right now", ""]  # fmt: skip
    title = "Judged since: labels that came after a month was closed; nothing of it is billed"
    return [{"title": title, "table": table(heads, rows, "llrrrrrrl")}] if rows else []


def _part(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _did(of: Statement) -> list[dict[str, Any]]:
    rows = [list(action(row)) for row in of.extras.actions]
    heads = ["When", "What", "Where", "State", "Why", "Saved"]
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


def _budgets(of: Statement) -> list[dict[str, Any]]:
    rows = [[b["budget"], *(money(b[n], of.currency) for n in ("amount", "spent", "left")),
             percent(b["spent"], b["amount"])] for b in of.extras.budgets]  # fmt: skip
    heads = ["Budget", "planned", "spent", "left", "share"]
    title = f"Budgets, {of.currency}"
    found: list[dict[str, Any]] = [{"title": title, "table": table(heads, rows, "lrrrr")}] if rows else []
    said = [f"{visible(b['budget'])} is {b['why']}" for b in of.extras.budgets_left_out]
    return found + ([{"title": "Budgets that are not shown here", "list": said}] if said else [])


def _words(of: Statement) -> list[dict[str, Any]]:
    notes = [visible(note, SENTENCE) for note in of.notes]
    return [
        {"title": "How this was computed", "list": method(of)},
        {"title": "What to know of these numbers", "list": notes},
    ]


DETAILS = (_models_of_gpu, _buckets, _budgets, _more, _lines, _units, _judged, _did, _anomalies, _words)
