"""What one of something costs: exact fractions of exact money, rounded once, to the millionth.

docs/metrics.md defines each; there is no other place that computes them.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from detectors.intervals import rate_ratio

THOUSAND, MILLION = 1_000, 1_000_000
OUT_PER_IN = Fraction(5, 2)
"""A token out is priced as two and a half tokens in where no times are known (OpenCost,
docs/inference-cost-tracking.md)."""

_STEP = Decimal("0.000001")


class TokenPrices(NamedTuple):
    """Cost of a million tokens; None where there were none.  `basis` is how the cost was split."""

    tokens_in: Decimal | None
    tokens_out: Decimal | None
    basis: str | None


def per(cost: Decimal | None, count: Fraction | int | None, units: int) -> Decimal | None:
    """Cost of so many `units` of `count`; None where the cost is unknown, or nothing was counted."""
    if cost is None or not count:
        return None
    return rounded(Fraction(cost) / count * units)


def tokens(
    cost: Decimal | None,
    tokens_in: int | None,
    tokens_out: int | None,
    prefill_seconds: Decimal | None,
    decode_seconds: Decimal | None,
) -> TokenPrices:
    """By the time of prefill and decode where both are known, else a token out as 2.5 tokens in."""
    read, written = tokens_in or 0, tokens_out or 0
    if cost is None or not read + written:
        return TokenPrices(None, None, None)
    if prefill_seconds and decode_seconds and decode_seconds > 0:
        share = Fraction(prefill_seconds) / (Fraction(prefill_seconds) + Fraction(decode_seconds))
        parts, basis = (Fraction(cost) * share, Fraction(cost) * (1 - share)), "time"
    else:
        each = Fraction(cost) / (read + OUT_PER_IN * written)
        parts, basis = (each * read, each * OUT_PER_IN * written), "2.5"
    return TokenPrices(_million(parts[0], read), _million(parts[1], written), basis)


class DriftCost(NamedTuple):
    """With the bounds that follow from the 95 % interval of the two accuracies' ratio."""

    value: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None


def of_drift(
    cost: Decimal | None, right: int, labelled: int, baseline_right: int, baseline_labelled: int
) -> DriftCost:
    """What was paid more for the right answers of a span than they cost at the baseline accuracy.

    With accuracy a = right / labelled it is (cost / (n a) - cost / (n baseline)) x n a, which is
    cost x (1 - a / baseline) whatever n is; an improvement costs nothing.
    """
    if cost is None or not labelled or not baseline_right:
        return DriftCost()
    ratio = Fraction(right, labelled) / Fraction(baseline_right, baseline_labelled)
    ends = rate_ratio(right, labelled, baseline_right, baseline_labelled)
    lost = (max(Fraction(0), Fraction(cost) * (1 - Fraction(r))) for r in (ratio, ends.high, ends.low))
    return DriftCost(*map(rounded, lost))


def rounded(value: Fraction) -> Decimal:
    """Half to even."""
    return (Decimal(round(value * MILLION)) * _STEP).quantize(_STEP)


def _million(part: Fraction, count: int) -> Decimal | None:
    return rounded(part / count * MILLION) if count else None
