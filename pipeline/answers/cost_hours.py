"""Cost hour by hour, some hours at a time: a month of many lines is never in memory whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter

import pyarrow as pa

from pipeline.answers import cost_lines, cost_query
from pipeline.answers.cost_basis import Basis
from pipeline.answers.cost_columns import Line, Lines
from pipeline.answers.cost_table import BUCKETS
from pipeline.answers.window import HOUR, Window
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.settings.cost import CostRule
from pipeline.store import Store

AT_ONCE = 100_000
"""Lines of hours that are in memory at a time."""
_SUMS = ("allocated_su", "unallocated_su", *(f"{bucket}_nano" for bucket in BUCKETS))


def basis(
    store: Store, window: Window, prices: PriceBook, currency: str, rule: CostRule, owners: Ownership
) -> Basis:
    return Basis(store, cost_query.seen(store), window, prices, currency, rule, owners, window, None)


def hours(
    of: Basis, rules: Sequence[CostRule], by: Sequence[str], lines: int
) -> Iterator[tuple[datetime, list[list[Line]]]]:
    """Each hour of the window with what each rule makes of it, by `by`, in the order of time.

    Each rule has one method for everybody; `lines` is how many an hour has, about.
    """
    cells = of.cells.to_pylist()
    step = max(HOUR, AT_ONCE // max(1, lines) * HOUR)
    for _, some in groupby(cells, key=lambda c: (c["hour"] - cells[0]["hour"]) // step):
        chunk = pa.Table.from_pylist(list(some), schema=of.cells.schema)
        made = [_by_hour(cost_lines.of_cells(of, rule, chunk, (*by, "hour")), by) for rule in rules]
        for hour in sorted({hour for one in made for hour in one}):
            yield hour, [one.get(hour, []) for one in made]


def _by_hour(table: pa.Table, by: Sequence[str]) -> dict[datetime, list[Line]]:
    lines = Lines.of(table.select([*by, "hour", *_SUMS])).each()
    ordered = sorted(lines, key=itemgetter("hour"))
    return {hour: list(some) for hour, some in groupby(ordered, key=itemgetter("hour"))}
