"""Money and GPU time out of exact integers, and money shared out so that parts sum to their whole."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

UNITS_PER_CARD = 720_720
"""Least common multiple of 1 to 16: what cost_lines.sql counts shares of a card in."""

_SU_PER_HOUR = Decimal(UNITS_PER_CARD * 3_600_000_000)
_HOURS = Decimal("1e-6")
_CENT = Decimal("0.01")


def from_nano(nano: int | Decimal) -> Decimal:
    """Billionths of the currency as the currency, exact."""
    return Decimal(nano).scaleb(-9)


def gpu_hours(su: int | Decimal) -> Decimal:
    """Share units times microseconds as GPU-hours, to the millionth."""
    return (Decimal(su) / _SU_PER_HOUR).quantize(_HOURS)


def to_cents(amount: Decimal) -> Decimal:
    """Half to even."""
    return amount.quantize(_CENT)


def in_cents(amounts: Sequence[Decimal], whole: Decimal) -> list[Decimal]:
    """`amounts` rounded to cents so that they sum to `whole`, itself in cents: the largest remainders are
    rounded up (Hamilton's method); of equal remainders the first.

    Raises ValueError where `whole` is further from the sum than rounding can explain.
    """
    cents = [Fraction(a) * 100 for a in amounts]
    floors = [c.numerator // c.denominator for c in cents]
    missing = int(whole * 100) - sum(floors)
    if not 0 <= missing <= len(amounts):
        raise ValueError(f"{whole} is not {sum(amounts)} rounded")
    order = sorted(range(len(amounts)), key=lambda i: (floors[i] - cents[i], i))
    up = set(order[:missing])
    return [Decimal(floor + (i in up)).scaleb(-2) for i, floor in enumerate(floors)]
