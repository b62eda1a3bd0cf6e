"""What GPUs cost: every device-second of a window used, held without work, or held by nobody, priced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import datetime, timedelta
from itertools import pairwise

import pyarrow as pa

from pipeline.answers import cost_notes, cost_query, cost_table, dimensions, rolled
from pipeline.answers.answer import Answer
from pipeline.answers.cost_query import DIMENSIONS, micros
from pipeline.answers.window import Window
from pipeline.errors import ConfigError, NotFound
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.prices.price import MATCH_FIELDS, Profile
from pipeline.settings.cost import CostRule
from pipeline.store import Store

HOUR = timedelta(hours=1)

_CELLS = pa.schema(
    [
        ("cell", pa.int32()),
        ("hour", pa.timestamp("us")),
        ("a", pa.int64()),
        ("b", pa.int64()),
        ("sign", pa.int32()),
    ]
)
_PRICES = pa.schema(
    [
        *((name, pa.string()) for name in MATCH_FIELDS),
        ("a", pa.int64()),
        ("b", pa.int64()),
        ("nano", pa.int64()),
        ("reason", pa.string()),
    ]
)


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
    with store.steady():
        seen = cost_query.seen(store)
        span = window or (_extent(seen).from_whole_hour() if rule.spreads else _extent(seen))
        _whole_minutes(span)
        _whole_hours(span, rule)
        inventory = cost_query.inventory(store)
        table = _price_table(store, {"inventory": inventory, "seen": seen}, book, span, currency)
        known = cost_query.known(store, _cells(span, book), seen, inventory, owners, rule.namespaces)
        asked = {**known, "price": table}
        # Exact sums of many lines are slow in Python: they are made once.
        lines = cost_query.lines(store, asked, span, by, rule).to_pylist()
        sums = cost_table.sums(lines)
        clash = cost_notes.clash(sums, lambda by: cost_query.lines(store, asked, span, by, rule))
        as_of = _latest(seen)
        said = cost_notes.notes(store, sums if lines else None, table, span, as_of, book.version, clash)
        said += rolled.notes(store, span)
    names = "/".join(filter(None, (rule.id, owners.version)))
    rows, total = cost_table.rows(lines, sums, by, currency, names)
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
    return _extent(cost_query.seen(store))


def _extent(seen: pa.Table) -> Window:
    last = _latest(seen)
    if last is None:
        raise NotFound("the ledger holds no GPU fact; take some in with `driftledger replay`")
    start = cost_query.from_micros(min(seen["first"].to_pylist())).replace(second=0, microsecond=0)
    end = last.replace(second=0, microsecond=0) + timedelta(minutes=last.second > 0)
    return Window(start, max(end, start + timedelta(minutes=1)))


def _latest(seen: pa.Table) -> datetime | None:
    return cost_query.from_micros(max(seen["as_of"].to_pylist())) if seen.num_rows else None


def _price_table(
    store: Store, known: Mapping[str, pa.Table], book: PriceBook, window: Window, currency: str
) -> pa.Table:
    """A row a device profile and span of one price; `nano` is null, with a `reason`, where there is none."""
    profiles = [Profile(**values) for values in store.query("cost_profiles", tables=known).to_pylist()]
    rows = [
        (*astuple(profile), micros(span.start), micros(span.end), span.nano_per_hour, span.reason)
        for profile in profiles
        for span in book.spans(profile, _hour(window.start), window.end, currency)
    ]
    return _table(rows, _PRICES)


def _table(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)


def _check(by: Sequence[str]) -> None:
    dimensions.check(by, (*DIMENSIONS, "bucket"))
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


def _cells(window: Window, book: PriceBook) -> pa.Table:
    """The window as UTC hours, cut where a price changes; a part before the start is taken off again.

    So a cell's costs are rounded as the costs of everything from the hour's start, and differ exactly.
    """
    edges = {window.end, *book.boundaries(_hour(window.start), window.end)}
    hour = _hour(window.start)
    while hour < window.end:
        edges.add(hour)
        hour += HOUR
    ordered = [t for t in sorted(edges) if t >= _hour(window.start)]
    rows = []
    for a, b in pairwise(ordered):
        rows.append((a, b, 1))
        if a < window.start:
            rows.append((a, min(window.start, b), -1))
    numbered = [(i, _hour(a), micros(a), micros(b), sign) for i, (a, b, sign) in enumerate(rows)]
    return _table(numbered, _CELLS)


def _hour(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)
