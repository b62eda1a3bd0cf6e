"""What GPUs cost: every device-second of a window used, held without work, or held by nobody, priced."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.answers import (
    cost_labels,
    cost_notes,
    cost_query,
    cost_since,
    cost_table,
    cost_tenants,
    dimensions,
    rolled,
)
from pipeline.answers.answer import Answer
from pipeline.answers.cost_basis import Basis, latest, recalled
from pipeline.answers.cost_basis import extent as extent_of
from pipeline.answers.cost_query import DIMENSIONS
from pipeline.answers.window import Window
from pipeline.errors import ConfigError
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.settings.cost import CostRule
from pipeline.store import Store
from pipeline.wire import labels


def cost(
    store: Store,
    window: Window | None = None,
    by: Sequence[str] = ("team",),
    prices: PriceBook | None = None,
    currency: str = "USD",
    rule: CostRule = CostRule(),  # noqa: B008  frozen
    owners: Ownership = Ownership(),  # noqa: B008  frozen
) -> Answer:
    """GPU-hours and their cost by the dimensions of `by`, most expensive first.

    Without a window it is the whole ledger, without prices the bundled list prices.  Costs are exact: the
    lines of a device sum to its price times its hours, days to months, to the billionth (floor, and the
    remainder to the largest part of the hour).  A window cut in parts gives parts that sum to the whole.
    The owners' rules name team, cost centre and environment.  The rule says who pays for what nobody used:
    costs keep their bucket when they are spread, they move to the lines of those who pay, and a device's
    line is then no longer its price.
    Raises ConfigError for an unknown dimension, a window that is not made of whole minutes (whole hours,
    where costs are spread), or prices that contradict each other; NotFound where the ledger holds no GPU
    fact.
    """
    _check(by)
    book = prices or PriceBook.bundled()
    earlier = recalled(store, window, book, currency, rule.by(rule.method), owners, "hour" in by)
    # Where most was found out before, what is left to compute is small.
    with store.steady(alone=earlier.found is not None):
        since = cost_since.of(store, earlier)
        seen = cost_query.seen(store) if since is None else since.seen
        span = window or (extent_of(seen).from_whole_hour() if rule.spreads else extent_of(seen))
        _whole_minutes(span)
        _whole_hours(span, rule)
        basis = Basis(store, seen, span, book, currency, rule, owners, window, since)
        lines = cost_tenants.lines(basis, cost_labels.plain(by))
        if any(map(labels.is_one, by)):
            asked = [d for d in by if d != "bucket"]
            lines = cost_tenants.added(cost_labels.named(lines.each(), asked), asked)
        sums = cost_table.sums(lines)
        clash = cost_notes.clash(sums, lambda by: cost_tenants.lines(basis, by).each())
        as_of = latest(seen)
        said = cost_notes.notes(
            store, sums if lines.count else None, lambda: basis.price, span, as_of, book.version, clash
        )
        said += rolled.notes(store, span)
        said += cost_notes.by_use(sums, rule)

    def name(team: str | None) -> str:
        return "/".join(filter(None, (cost_tenants.rule_of(rule, team).id, owners.version)))

    usual = name(None)
    if (sums["core_su"] or sums["memory_su"]) and "resource" not in by:
        lines = cost_table.told(lines)
    by_team = rule.chosen and "team" in by
    names = [*map(name, lines["team"])] if by_team else [usual] * lines.count
    rows, total = cost_table.rows(lines, sums, by, currency, names, usual)
    return Answer(
        columns=cost_table.columns(by, currency, cost_table.buckets(sums)),
        rows=rows,
        as_of=as_of,
        completeness=cost_table.completeness(sums),
        notes=said,
        total=total,
        window=span,
    )


def extent(store: Store) -> Window:
    """From the first to the last minute that a GPU fact speaks of; NotFound where there is none."""
    return extent_of(cost_query.seen(store))


def _check(by: Sequence[str]) -> None:
    dimensions.check([d for d in by if not labels.is_one(d)], (*DIMENSIONS, "bucket"))
    if not by:
        raise ConfigError(dimensions.KEY, "", "name at least one dimension")


def _whole_minutes(window: Window) -> None:
    if any(t.second or t.microsecond for t in (window.start, window.end)) or window.start >= window.end:
        raise ConfigError("window", str(window), "a window is made of whole minutes and ends after it starts")


def _whole_hours(window: Window, rule: CostRule) -> None:
    """A part of an hour would be the hour's lines less those of its beginning, and may be below zero."""
    if rule.spreads and window.start.minute:
        remedy = "costs are spread hour by hour: start at a whole hour, or spread nothing"
        raise ConfigError("window", str(window), remedy)
