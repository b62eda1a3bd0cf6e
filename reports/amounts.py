"""GPU-hours and money of one line of a statement, and how lines become cents that add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from pipeline.answers.money import in_cents

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
    completeness: Decimal | None


def of_row(value: Mapping[str, Any]) -> Amounts:
    """A row of the cost answer, by column name; exact."""
    total, used = value["total_cost"], value["used_cost"]
    return Amounts(
        allocated=value["allocated_gpu_hours"],
        active=value["active_gpu_hours"],
        idle_held=value["idle_held_gpu_hours"],
        busy=value["busy_gpu_hours"],
        unallocated=value["unallocated_gpu_hours"],
        unpriced=value["unpriced_gpu_hours"],
        used=used,
        idle=None if total is None else total - used,
        total=total,
        completeness=value["completeness"],
    )


def add(parts: Sequence[Amounts]) -> Amounts:
    """The sum; completeness is weighed by time."""
    exists = sum((p.allocated + p.unallocated for p in parts), ZERO)
    seen = sum(((p.completeness or ZERO) * (p.allocated + p.unallocated) for p in parts), ZERO)
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
        completeness=(seen / exists).quantize(Decimal("0.0001"), ROUND_FLOOR) if exists else None,
    )


def in_cents_of(whole: Decimal | None, parts: Sequence[Amounts]) -> list[Amounts]:
    """`parts` in cents whose totals sum to `whole`, and used + idle = total in each.

    Parts without a price stay without.
    """
    if whole is None:
        return list(parts)
    cents = iter(in_cents([p.total for p in parts if p.total is not None], whole))
    return [p if p.total is None else _cents(p, next(cents)) for p in parts]


def over(parts: Sequence[Amounts], whole: Amounts) -> Amounts:
    """`whole` with the money of its parts, so that every column adds up as the totals do."""
    sums = add(parts)
    return replace(whole, used=sums.used, idle=sums.idle, total=sums.total)


def _cents(exact: Amounts, total: Decimal) -> Amounts:
    used, idle = in_cents([exact.used or ZERO, exact.idle or ZERO], total)
    return replace(exact, used=used, idle=idle, total=total)


def _known(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [v for v in values if v is not None]
    return sum(known, ZERO) if known else None
