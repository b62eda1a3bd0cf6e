"""Labels that came after a month was closed: what its right answers cost by what was known then, and now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from pipeline.answers import truth
from pipeline.answers.served import traffic
from pipeline.answers.unit_price import THOUSAND, per
from pipeline.answers.window import Window
from pipeline.answers.window import month as month_of
from pipeline.months.charge import BY, USAGE
from pipeline.months.closings import Closing, charged, closings
from pipeline.months.verify import Snapshots
from pipeline.store import Store

MONTHS = 3
"""Closed months before the statement's own that are looked at."""

Version = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What labels say of a version in a month; the cost is of a thousand right answers."""

    labelled: int
    right: float | None
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Judged:
    """Money of that month's currency; nothing of it is billed again."""

    month: datetime
    model: str
    model_version: str
    currency: str
    then: Verdict
    now: Verdict


def judged_since(store: Store, at: Snapshots, before: datetime) -> Iterator[Judged]:
    """Each version of the last closed months of which other labels are known now than at the close."""
    for closed in [c for c in closings(store) if c.month < before][-MONTHS:]:
        span = month_of(closed.month.year, closed.month.month)
        requests = _requests(store, span)
        now = truth.labels(store, {model for model, _ in requests}, span) if requests else {}
        if now:
            yield from _changed(store, at, closed, span, requests, now)


def _changed(
    store: Store, at: Snapshots, closed: Closing, span: Window, requests: dict[Version, int],
    now: dict[Version, tuple[int, int]],
) -> Iterator[Judged]:  # fmt: skip
    with at(closed.snapshot) as was:
        then = truth.labels(was, {model for model, _ in requests}, span)
    spent = _spent(store, closed.month)
    for version in sorted(requests):
        old, new = then.get(version, (0, 0)), now.get(version, (0, 0))
        if old != new:
            sides = (_verdict(*labels, spent.get(version), requests[version]) for labels in (old, new))
            yield Judged(closed.month, *version, closed.currency, *sides)


def _verdict(labelled: int, errors: int, spent: Decimal | None, requests: int) -> Verdict:
    if not labelled:
        return Verdict(0, None, None)
    right = labelled - errors
    return Verdict(labelled, right / labelled, per(spent, Fraction(requests * right, labelled), THOUSAND))


def _requests(store: Store, span: Window) -> dict[Version, int]:
    sums: dict[Version, int] = defaultdict(int)
    for row in traffic(store, span):
        sums[row["model"], row["model_version"]] += row["requests"] or 0
    return {version: count for version, count in sums.items() if count}


def _spent(store: Store, month: datetime) -> dict[Version, Decimal]:
    """What the month's own statement charged for each version."""
    places: Sequence[int] = (BY.index("model"), BY.index("model_version"))
    sums: dict[Version, Decimal] = defaultdict(Decimal)
    for c in charged(store, month):
        if c.kind == USAGE and c.cost is not None:
            sums[c.key[places[0]], c.key[places[1]]] += c.cost
    return dict(sums)
