"""The money at stake in a rehearsed action: what a version or namespace costs a day, at its present rate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
MICRO = Decimal("0.000001")


def per_day(
    cost: Callable[[datetime, datetime], Decimal | None], at: datetime, since: datetime, until: datetime
) -> Decimal | None:
    """By the cost of the whole minutes of the 24 hours before `at` that lie in [since, until).

    None where there are none, or nothing of it has a known price.
    """
    start = max(since, at - DAY).replace(second=0, microsecond=0)
    minutes = (min(at, until) - start) // MINUTE
    spent = cost(start, start + minutes * MINUTE) if minutes > 0 else None
    return None if spent is None else (spent * (DAY // MINUTE) / minutes).quantize(MICRO)
