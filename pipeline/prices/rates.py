"""Exchange rates: each is stated, and holds from its day until the next rate of the same two currencies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Rate:
    """One unit of `base` is `rate` units of `quote`, from `valid_from` (UTC) on."""

    name: str
    base: str
    quote: str
    rate: Decimal
    valid_from: datetime
    source: str = ""


def rate_at(rates: Iterable[Rate], base: str, quote: str, time: datetime) -> Rate | None:
    """The newest stated rate of that direction; neither turned round nor led over a third currency."""
    stated = [r for r in rates if (r.base, r.quote) == (base, quote) and r.valid_from <= time]
    return max(stated, key=lambda r: r.valid_from, default=None)
