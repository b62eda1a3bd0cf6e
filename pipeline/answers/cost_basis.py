"""What a cost answer rests on, each looked up when it is first asked for: devices, holders, prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise

import pyarrow as pa

from pipeline.answers import cost_query, cost_since
from pipeline.answers.cost_since import Since
from pipeline.answers.instants import day_of, from_micros, hour_of, micros
from pipeline.answers.recalled import Recalled
from pipeline.answers.window import DAY, HOUR, Window
from pipeline.errors import NotFound
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.prices.commitments import Commitment, of
from pipeline.prices.price import MATCH_FIELDS, Profile
from pipeline.settings.cost import CostRule
from pipeline.store import Store

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
        ("cover", pa.string()),
    ]
)
_COMMITMENTS = pa.schema(
    [
        *((name, pa.string()) for name in ("cover", "cluster", "gpu_model")),
        *((name, pa.int64()) for name in ("gpus", "nano", "a", "b")),
    ]
)


@dataclass
class Basis:
    """Of one window, amid one reading of one snapshot; `seen` is what cost_query.seen gives."""

    store: Store
    seen: pa.Table
    window: Window
    book: PriceBook
    currency: str
    rule: CostRule
    owners: Ownership
    asked: Window | None
    """What was asked for: None is the whole ledger."""
    since: Since | None
    """How far what was found out before still holds, of the question's first reading."""

    def recalled(self, rule: CostRule, hourly: bool) -> Recalled:
        """What was found out before of the days of this question, by the rule."""
        return recalled(self.store, self.asked, self.book, self.currency, rule, self.owners, hourly)

    def since_then(self, recalled: Recalled) -> Since | None:
        """How far that still holds."""
        if self.since is not None and self.since.of == recalled.said_of:
            return self.since
        return cost_since.of(self.store, recalled)

    @cached_property
    def cells(self) -> pa.Table:
        """The window as UTC hours, cut where a price changes; a part before the start is taken off again.

        So a cell's costs are rounded as the costs of everything from the hour's start, and differ exactly.
        """
        window = reach(self.seen, self.window)
        hour = hour_of(window.start)
        edges = {window.end, *self.book.boundaries(hour, window.end)}
        while hour < window.end:
            edges.add(hour)
            hour += HOUR
        ordered = [t for t in sorted(edges) if t >= hour_of(window.start)]
        rows = []
        for a, b in pairwise(ordered):
            rows.append((a, b, 1))
            if a < window.start:
                rows.append((a, min(window.start, b), -1))
        numbered = [(i, hour_of(a), micros(a), micros(b), sign) for i, (a, b, sign) in enumerate(rows)]
        return _table(numbered, _CELLS)

    @cached_property
    def inventory(self) -> pa.Table:
        return cost_query.inventory(self.store)

    @cached_property
    def resources(self) -> frozenset[str]:
        """What the devices are, '' a GPU."""
        return frozenset(self.inventory["resource"].to_pylist())

    @cached_property
    def price(self) -> pa.Table:
        """A row a device profile and span of one price; `nano` is null, with a `reason`, where none is.

        `cover` names the commitment that pays for some of them.
        """
        known = {"inventory": self.inventory, "seen": self.seen}
        profiles = [
            Profile(**values) for values in self.store.query("cost_profiles", tables=known).to_pylist()
        ]
        start = hour_of(self.window.start)
        bought: dict[datetime, list[Commitment]] = defaultdict(list)
        for one in self.commitments:
            bought[one.start].append(one)
        rows = []
        for profile in profiles:
            for span in self.book.spans(profile, start, self.window.end, self.currency):
                cover = of(bought[span.start], profile)
                priced = (span.nano_per_hour, span.reason, cover and cover.name)
                rows.append((*astuple(profile), micros(span.start), micros(span.end), *priced))
        return _table(rows, _PRICES)

    @cached_property
    def commitments(self) -> list[Commitment]:
        return self.book.commitments(hour_of(self.window.start), self.window.end, self.currency)

    @property
    def _commitments(self) -> pa.Table:
        rows = []
        for one in self.commitments:
            match = dict(one.match)
            named = (one.name, match.get("cluster", "unknown"), match.get("gpu_model", ""))
            rows.append((*named, one.gpus, one.nano_per_hour, micros(one.start), micros(one.end)))
        return _table(rows, _COMMITMENTS)

    @cached_property
    def tables(self) -> dict[str, pa.Table]:
        """The tables of cost_query.known, the window's prices and commitments."""
        namespaces = self.rule.namespaces
        known = cost_query.known(self.store, self.cells, self.seen, self.inventory, self.owners, namespaces)
        return {**known, "price": self.price, "commitment": self._commitments}


def recalled(
    store: Store,
    window: Window | None,
    book: PriceBook,
    currency: str,
    rule: CostRule,
    owners: Ownership,
    hourly: bool,
) -> Recalled:
    """By all that a line follows from beside the ledger; of the price book what prices devices."""
    prices = (book.prices, book.discounts, book.rates)
    return Recalled(store, window, *prices, currency, rule, owners, hourly)


def reach(seen: pa.Table, window: Window) -> Window:
    """Of the window the UTC days that GPU facts speak of, an hour where they speak of none.

    Nothing is counted outside, and ten thousand years would be millions of hours.
    """
    start = end = window.start
    if (last := latest(seen)) is not None:
        start = max(start, day_of(_first(seen)))
        end = min(window.end, day_of(last) + DAY)
    if start < end:
        return Window(start, end)
    return Window(window.start, min(window.end, hour_of(window.start) + HOUR))


def extent(seen: pa.Table) -> Window:
    """From the first to the last minute that a GPU fact speaks of; NotFound where there is none."""
    last = latest(seen)
    if last is None:
        raise NotFound(
            "the ledger holds no GPU fact; take some in with `driftledger replay` or `driftledger up`"
        )
    start = _first(seen).replace(second=0, microsecond=0)
    end = last.replace(second=0, microsecond=0) + timedelta(minutes=last.second > 0)
    return Window(start, max(end, start + timedelta(minutes=1)))


def latest(seen: pa.Table) -> datetime | None:
    return from_micros(max(seen["as_of"].to_pylist())) if seen.num_rows else None


def _first(seen: pa.Table) -> datetime:
    return from_micros(min(seen["first"].to_pylist()))


def _table(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)
