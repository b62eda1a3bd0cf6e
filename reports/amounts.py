"""GPU-hours and money of one line of a statement, and how lines become cents that add up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby

from pipeline.answers.money import in_cents
from pipeline.facts.months import BUCKETS
from pipeline.months.charge import Charge

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Amounts:
    """Hours are GPU-hours; money is None where no hour has a price."""

    allocated: Decimal
    active: Decimal
    idle_held: Decimal
    busy: Decimal
    unallocated: Decimal
    unpriced: Decimal
    used: Decimal | None
    idle: Decimal | None
    """Of all other time: held without work or for all, or held by nobody."""
    total: Decimal | None


def of_charges(charges: Sequence[Charge], digits: int) -> Amounts:
    """The sum of some charges, in cents: used + idle = total.  Of no charge it is nothing, not unpriced."""
    hours = [sum(column, ZERO) for column in zip(*(c.hours for c in charges), strict=True)] or [ZERO] * 6
    allocated, active, idle_held, busy, unallocated, unpriced = hours
    priced = [c for c in charges if c.costs is not None and c.amount is not None]
    total = sum((c.amount or ZERO for c in priced), ZERO) if priced or not charges else None
    used = idle = total
    if priced:
        used, *others = of_buckets(priced, digits)
        idle = sum(others, ZERO)
    return Amounts(
        allocated=allocated, active=active, idle_held=idle_held, busy=busy, unallocated=unallocated,
        unpriced=unpriced, used=used, idle=idle, total=total,
    )  # fmt: skip


def of_buckets(charges: Sequence[Charge], digits: int) -> tuple[Decimal, ...]:
    """Cents by BUCKETS, that sum to the charges' amounts; what is used is that of their lines."""
    columns = zip(*_split([c for c in charges if c.costs is not None], digits), strict=True)
    return tuple(sum(column, ZERO) for column in columns) or (ZERO,) * len(BUCKETS)


def _split(priced: Sequence[Charge], digits: int) -> Iterator[list[Decimal]]:
    """The buckets of each line: the amount of one line is within a cent of its cost, of several not."""
    for _, group in groupby(sorted(priced, key=lambda c: c.line), key=lambda c: c.line):
        own = list(group)
        work, *others = (sum(column, ZERO) for column in zip(*(c.costs for c in own if c.costs), strict=True))
        amount = sum((c.amount or ZERO for c in own), ZERO)
        used, idle = in_cents([work, sum(others, ZERO)], amount, digits)
        yield [used, *in_cents(others, idle, digits)]


def add(parts: Sequence[Amounts]) -> Amounts:
    """The sum."""
    return Amounts(
        allocated=sum((p.allocated for p in parts), ZERO),
        active=sum((p.active for p in parts), ZERO),
        idle_held=sum((p.idle_held for p in parts), ZERO),
        busy=sum((p.busy for p in parts), ZERO),
        unallocated=sum((p.unallocated for p in parts), ZERO),
        unpriced=sum((p.unpriced for p in parts), ZERO),
        used=_known([p.used for p in parts]),
        idle=_known([p.idle for p in parts]),
        total=_known([p.total for p in parts]),
    )


def over(parts: Sequence[Amounts], whole: Amounts) -> Amounts:
    """`whole` with the money of its parts, so that every column adds up as the totals do."""
    if not parts:
        return whole
    sums = add(parts)
    return replace(whole, used=sums.used, idle=sums.idle, total=sums.total)


def _known(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [v for v in values if v is not None]
    return sum(known, ZERO) if known else None
