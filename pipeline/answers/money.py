"""Money and GPU time out of exact integers, and money shared out so that parts sum to their whole."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

UNITS_PER_CARD = 720_720
"""Least common multiple of 1 to 16: what cost_lines.sql counts shares of a card in."""

_SU_PER_HOUR = Decimal(UNITS_PER_CARD * 3_600_000_000)
_HOURS = Decimal("1e-6")
_NO_HOURS, _NO_MONEY = Decimal("0.000000"), Decimal("0.000000000")
"""Most of what a line has is none: each is made once."""
_WIDE = Context(prec=60)
_MINOR = {
    0: [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ],
    3: ["BHD", "IQD", "JOD", "KWD", "LYD", "OMN", "TND"],
    4: ["CLF", "UYW"],
}


def from_nano(nano: int | Decimal) -> Decimal:
    """Billionths of the currency as the currency, exact."""
    return Decimal(nano).scaleb(-9) if nano else _NO_MONEY


def gpu_hours(su: int | Decimal) -> Decimal:
    """Share units times microseconds as GPU-hours, to the millionth."""
    return (Decimal(su) / _SU_PER_HOUR).quantize(_HOURS) if su else _NO_HOURS


def unit_hours(su: int, parts: int) -> Decimal:
    """Parts of a core or GiB, times microseconds, as its hours, to the millionth; `parts` are one."""
    return (Decimal(su) / (parts * 3_600_000_000)).quantize(_HOURS) if su else _NO_HOURS


def minor_digits(currency: str) -> int:
    """Decimals of the currency's smallest unit (ISO 4217): 2, but for those that have none or more."""
    return next((digits for digits, codes in _MINOR.items() if currency in codes), 2)


def to_cents(amount: Decimal, digits: int = 2) -> Decimal:
    """To that many decimals, half to even."""
    return amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN, _WIDE)


def in_cents(amounts: Sequence[Decimal], whole: Decimal, digits: int = 2) -> list[Decimal]:
    """`amounts` rounded to `digits` decimals so that they sum to `whole`, itself rounded: the largest
    remainders are rounded up (Hamilton's method); of equal remainders the first.

    Raises ValueError where `whole` is further from the sum than rounding can explain.
    """
    units = [Fraction(a) * 10**digits for a in amounts]
    floors = [u.numerator // u.denominator for u in units]
    missing = int(whole.scaleb(digits)) - sum(floors)
    if not 0 <= missing <= len(amounts):
        raise ValueError(f"{whole} is not {sum(amounts)} rounded")
    order = sorted(range(len(amounts)), key=lambda i: (floors[i] - units[i], i))
    up = set(order[:missing])
    return [Decimal(floor + (i in up)).scaleb(-digits) for i, floor in enumerate(floors)]
