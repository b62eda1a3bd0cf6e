"""One charge: who pays for what of which device in which month, exact and in cents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from pipeline.answers.answer import Answer
from pipeline.answers.money import in_cents, minor_digits, to_cents
from pipeline.facts.months import BUCKETS, HOURS_OF, LINE, PLACE

USAGE, CORRECTION, ADJUSTMENT, MARKUP, TAX = "usage", "correction", "adjustment", "markup", "tax"
KINDS = (USAGE, CORRECTION, ADJUSTMENT, MARKUP, TAX)
BY = (*LINE, *PLACE)
"""The dimensions of the cost answer that a charge is told apart by."""
ZERO = Decimal(0)
NANO = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class Charge:
    """Hours are GPU-hours.  Costs are exact, None where no price is known; `amount` is what is billed.

    The amounts of a month's usage sum to its exact cost rounded once.  A correction's hours and costs are
    differences; what a person books has an amount only.
    """

    kind: str
    charge_month: datetime
    currency: str
    key: tuple[str, ...]
    """Values of BY."""
    hours: tuple[Decimal, ...]
    """By HOURS_OF."""
    costs: tuple[Decimal, ...] | None
    """By BUCKETS."""
    amount: Decimal | None = None
    reference: str = ""
    detail: str = ""

    @property
    def team(self) -> str:
        return self.key[0]

    @property
    def line(self) -> tuple[str, ...]:
        return self.key[: len(LINE)]

    @property
    def cost(self) -> Decimal | None:
        return None if self.costs is None else sum(self.costs, ZERO)

    @property
    def order(self) -> tuple[Any, ...]:
        return (KINDS.index(self.kind), self.charge_month, self.key, self.reference)


NO_HOURS = (ZERO,) * len(HOURS_OF)
NO_COSTS = (ZERO,) * len(BUCKETS)


def plain(
    kind: str, month: datetime, currency: str, team: str, amount: Decimal, reference: str, detail: str
) -> Charge:
    """A charge to a team that no device stands behind."""
    key = (team, *("" for _ in BY[1:]))
    return Charge(kind, month, currency, key, NO_HOURS, NO_COSTS, amount, reference, detail)


def usage(rows: Iterable[Mapping[str, Any]], month: datetime, currency: str) -> list[Charge]:
    """The rows of a cost answer by BY, in cents that sum to the whole of the month."""
    return rounded([_usage(row, month, currency) for row in rows])


def unpriced_other_hours(answer: Answer) -> Decimal:
    """Of cores, memory, volumes and load balancers in an answer on cost, which no charge counts."""
    return Decimal(str(answer.total_of("unpriced_other_hours") or 0))


def _usage(row: Mapping[str, Any], month: datetime, currency: str) -> Charge:
    costs = None if row["total_cost"] is None else tuple(row[f"{b}_cost"] or ZERO for b in BUCKETS)
    hours = tuple(row[f"{name}_gpu_hours"] or ZERO for name in HOURS_OF)
    return Charge(USAGE, month, currency, tuple(str(row[d] or "") for d in BY), hours, costs)


def rounded(charges: Sequence[Charge]) -> list[Charge]:
    """All in one currency: the total is rounded once, then teams, lines and devices by largest remainder."""
    ordered = sorted(charges, key=lambda c: c.order)
    priced = [c for c in ordered if c.cost is not None]
    digits = minor_digits(ordered[0].currency) if ordered else 2
    whole = to_cents(_sum(priced), digits)
    cents = _shared(priced, whole, digits, [lambda c: c.team, lambda c: c.line, lambda c: c.key])
    amounts = iter(cents)
    return [c if c.cost is None else replace(c, amount=next(amounts)) for c in ordered]


def _shared(
    charges: Sequence[Charge], whole: Decimal, digits: int, levels: Sequence[Callable[[Charge], Any]]
) -> list[Decimal]:
    """Each charge's part of `whole`, level by level; charges are in the order of the levels."""
    if not levels:
        return in_cents([c.cost or ZERO for c in charges], whole, digits)
    groups = [list(group) for _, group in groupby(charges, key=levels[0])]
    parts = in_cents([_sum(group) for group in groups], whole, digits)
    shared = (_shared(g, part, digits, levels[1:]) for g, part in zip(groups, parts, strict=True))
    return [amount for of_group in shared for amount in of_group]


def _sum(charges: Iterable[Charge]) -> Decimal:
    return sum((c.cost or ZERO for c in charges), ZERO)


def to_row(charge: Charge, month: datetime) -> dict[str, Any]:
    """A row of the fact `charges`."""
    own = {f.name: getattr(charge, f.name) for f in fields(charge) if f.name not in ("key", "hours", "costs")}
    costs = charge.costs or (None,) * len(BUCKETS)
    return {
        "month": month,
        **own,
        **dict(zip(BY, charge.key, strict=True)),
        **{f"{name}_hours": value for name, value in zip(HOURS_OF, charge.hours, strict=True)},
        **{f"{name}_cost": value for name, value in zip(BUCKETS, costs, strict=True)},
    }


def of_row(row: Mapping[str, Any]) -> Charge:
    costs = tuple(row[f"{name}_cost"] for name in BUCKETS)
    return Charge(
        row["kind"], row["charge_month"], row["currency"], tuple(row[d] for d in BY),
        tuple(row[f"{name}_hours"] for name in HOURS_OF),
        None if None in costs else costs, row["amount"], row["reference"], row["detail"],
    )  # fmt: skip


def text(charge: Charge) -> list[Any]:
    """Values of a charge as they go into the hash of its month."""
    numbers = [*charge.hours, *(charge.costs or ()), charge.amount]
    written = [None if n is None else f"{n.quantize(NANO):f}" for n in numbers]
    head = [charge.kind, charge.charge_month.isoformat(), charge.currency, charge.reference, charge.detail]
    return [*head, *charge.key, *written]
