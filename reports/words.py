"""The words and numbers of a statement, as every form of it shows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from pipeline.answers.money import in_cents, minor_digits
from reports.saved import Saved
from reports.statement import Statement, Team

NAMES = {
    "used": "used",
    "workload_idle": "held without work",
    "shared": "serves all",
    "cluster_idle": "held by nobody",
    "stranded": "left over beside partitions",
    "unhealthy": "not allocatable",
}
"""The buckets in words."""


KINDS = {"correction": "correction", "adjustment": "booking", "markup": "mark-up", "tax": "tax"}


def who(name: str) -> str:
    return {**NAMES, "unowned": "without an owner"}.get(name, name)


def money(amount: Decimal | None, currency: str) -> str:
    """To the currency's smallest unit: no decimals of a yen, three of a dinar."""
    return "unpriced" if amount is None else f"{amount:,.{minor_digits(currency)}f}"


def hours(amount: Decimal) -> str:
    return f"{amount:,.1f}"


def tenths(part: Decimal | float | None, whole: Decimal | None) -> Decimal | None:
    """Per cent, rounded down to a tenth, so that 100 is all of it; of parts that sum to 100, see `shares`.

    Every form of a statement rounds so, or two of them would differ in the same figure.
    """
    if part is None or not whole:
        return None
    return (Decimal(str(part)) / whole * 100).quantize(Decimal("0.1"), ROUND_FLOOR)


def percent(part: Decimal | float | None, whole: Decimal | None = Decimal(1)) -> str:
    found = tenths(part, whole)
    return "–" if found is None else f"{found}%"


def shares(parts: Sequence[Decimal], whole: Decimal) -> list[Decimal]:
    """Per cent, to a tenth, that sum to 100, of parts that sum to the whole."""
    return in_cents([part / whole * 100 for part in parts], Decimal(100), 1)


def in_use(buckets: Sequence[Decimal], whole: Decimal | None) -> Decimal | None:
    """Per cent of the cost that is time in use, as `shares` says it beside the other buckets."""
    return shares(buckets, whole)[0] if whole and buckets else None


def unit(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:,.4f}"


def additions(team: Team) -> list[tuple[str, datetime, str, str, Decimal]]:
    """What comes to a team's usage: (kind, month, why, currency, amount), corrections summed by month."""
    sums: dict[tuple[str, datetime, str, str], Decimal] = defaultdict(Decimal)
    for c in team.more:
        why = "late or corrected facts, prices or owners" if c.kind == "correction" else c.detail
        sums[c.kind, c.charge_month, why, c.currency] += c.amount or Decimal(0)
    return [(*key, amount) for key, amount in sums.items()]


def action(row: dict[str, Any]) -> tuple[str, ...]:
    target = " · ".join(str(row[k]) for k in ("cluster", "namespace", "workload") if row[k])
    versions = f"{row['kind']} {row['model'] or ''} {row['model_version'] or ''}".strip()
    back = f" to {row['to_version']}" if row["to_version"] else ""
    state = f"{row['state']}, {row['outcome']}" if row["outcome"] else str(row["state"])
    return (
        f"{row['last']:%Y-%m-%d %H:%M}Z",
        versions + back,
        target,
        state,
        str(row["detail"] or ""),
        _saved(row["saved"]),
    )


def _saved(found: Saved | None) -> str:
    if found is None or (found.amount is None and not found.wrong_answers):
        return ""
    amount = "" if found.amount is None else f"{money(found.amount, found.currency)} {found.currency}"
    answers = "" if found.wrong_answers is None else f"{found.wrong_answers:,} wrong answers"
    return f"{amount} ({answers})" if amount and answers else amount or answers


def besides(of: Statement) -> list[str]:
    """What is due in other currencies than the statement's, a sentence each."""
    return [f"Due in {code} besides: {money(of.due(code), code)}" for code in of.currencies[1:]]


def provisional(statement: Statement) -> str:
    """Why the numbers may still change."""
    return f"Provisional: the month is not closed, and the newest GPU fact is of {instant(statement.as_of)}."


def part_of_a_month(of: Statement) -> str:
    return f"A part of a month: the ledger begins on {instant(of.extras.began)}, and knows nothing before it."


def instant(time: datetime | None) -> str:
    return "no time" if time is None else f"{time:%Y-%m-%d %H:%M}Z"
