"""Money and GPU time out of exact integers, and money shared out so that parts sum to their whole."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

UNITS_PER_CARD = 720_720
"""Least common multiple of 1 to 16: what cost_lines.sql counts shares of a card in."""

_MICROSECONDS = 3_600
"""Of a millionth of an hour: an even number, so that half of it is whole."""
_MILLIONTH, _BILLIONTH = Decimal("1e-6"), Decimal("1e-9")
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
    return nano * _BILLIONTH


def gpu_hours(su: int) -> Decimal:
    """Share units times microseconds as GPU-hours, to the millionth."""
    return hours([su])[0]


def unit_hours(su: int, parts: int) -> Decimal:
    """Parts of a core or GiB, times microseconds, as its hours, to the millionth; `parts` are one."""
    return hours([su], parts)[0]


def amounts(nanos: Sequence[int]) -> list[Decimal]:
    """Of each what `from_nano` gives."""
    return _each(nanos, _BILLIONTH)


def hours(times: Sequence[int], parts: int = UNITS_PER_CARD) -> list[Decimal]:
    """Parts times microseconds, as hours of the whole to the millionth, half to even."""
    if not any(times):
        return _each(times, _MILLIONTH)
    each, half = parts * _MICROSECONDS, parts * _MICROSECONDS // 2
    # Up from the half on; and down again from just the half to what is odd.
    return _each(
        [(n := time + half) // each - (n % each == 0 and n // each & 1) for time in times], _MILLIONTH
    )


def _each(counts: Sequence[int], of: Decimal) -> list[Decimal]:
    """Most of what a line has is none: a column of it is made once."""
    return [*map(of.__mul__, counts)] if any(counts) else [of * 0] * len(counts)


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
