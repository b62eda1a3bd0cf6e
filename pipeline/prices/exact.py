"""Money arithmetic: sums and products of stated amounts are exact, divisions are carried to 100 digits."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

EXACT = Context(prec=100)
HOURS_PER_YEAR = 8760
"""365 days: what a yearly amount is spread over."""

_NANO = Decimal("1e-9")
_RESIDUE = Decimal("1e-60")


def times(a: Decimal, b: Decimal) -> Decimal:
    return EXACT.multiply(a, b)


def plus(a: Decimal, b: Decimal) -> Decimal:
    return EXACT.add(a, b)


def over(a: Decimal, b: Decimal | int) -> Decimal:
    return EXACT.divide(a, Decimal(b))


def to_nano(amount: Decimal) -> int:
    """Billionths, half to even.

    What a division left over after 60 digits is taken off first, so that a third times three is one.
    """
    whole = amount.quantize(_RESIDUE, ROUND_HALF_EVEN, context=EXACT)
    return int(over(whole, _NANO).to_integral_value(ROUND_HALF_EVEN))
