"""What nobody saw of a month, and is too much to be charged without a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import pyarrow as pa

from pipeline.answers.cost_notes import told
from pipeline.answers.window import MINUTE, Window
from pipeline.facts.fact import TIME
from pipeline.months.expected import Silent, named, silent
from pipeline.prices.book import PriceBook
from pipeline.settings.closing import ClosingSettings
from pipeline.store import Store

_NOBODY = pa.schema([("cluster", pa.string()), ("start", TIME), ("end", TIME)]).empty_table()
NAMED = 10
"""Nodes that a sentence names each."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What a cluster, one node of it, or the broker's log of a topic did not say in [start, end)."""

    cluster: str
    start: datetime
    end: datetime
    node: str = ""
    said: str = "said nothing"

    def __str__(self) -> str:
        minutes = (self.end - self.start) // MINUTE
        long = f"{minutes} minutes" if minutes < 120 else f"{told(Decimal(minutes) / 60)} hours"
        start, end = (f"{time:%Y-%m-%d %H:%M}Z" for time in (self.start, self.end))
        whose = f"node {self.node} of {self.cluster}" if self.node else self.cluster
        return f"{whose} {self.said} from {start} to {end} ({long})"


def gaps(store: Store, month: Window, limits: ClosingSettings, prices: PriceBook) -> list[Gap]:
    """Silences longer than the limits, of clusters and nodes that were expected then."""
    tables, gone = {"named": named(month, prices, limits)}, silent(limits)
    span: dict[str, Any] = {"start": month.start, "end": month.end}
    held = {"held": _held(store, month.end)}
    rows = store.query("silences", tables=tables | held, **span, minutes=limits.gap_minutes).to_pylist()
    found = _expected([Gap(**row) for row in rows], gone, limits.gap_minutes)
    least = limits.node_gap_minutes
    rows = store.query("silences_of_nodes", tables=tables, **span, minutes=least).to_pylist()
    nodes = _expected([Gap(**row) for row in rows], gone, least)
    # What is their whole cluster's is named already.
    beside = [g for g in nodes if g.end - g.start - _within(g, found) > least * MINUTE]
    watched, lost = _of_holders(store, month, limits)
    least = limits.gap_minutes
    unwatched = [
        g for g in _expected(watched, gone, least) if g.end - g.start - _within(g, found) > least * MINUTE
    ]
    return [*found, *unwatched, *lost, *beside]


def _held(store: Store, end: datetime) -> pa.Table:
    """cluster, start, end.  To merge all holders costs more than all else here, so it is done where nothing
    else says how long a cluster is there."""
    alone = store.query("held_unlisted", end=end)["cluster"].to_pylist()
    return store.query("held_in", end=end, clusters=alone) if alone else _NOBODY


def _of_holders(store: Store, month: Window, limits: ClosingSettings) -> tuple[list[Gap], list[Gap]]:
    """Clusters that nobody watched, and messages that were lost: who came and went then is nobody's cost,
    however well the GPUs themselves were seen."""
    unwatched, lost = [], []
    span: dict[str, Any] = {"start": month.start, "end": month.end, "minutes": limits.gap_minutes}
    for row in store.query("holders_missed", **span).to_pylist():
        start, end = row["start"], row["end"]
        if row["source"] == "allocation":
            start, end = max(start, month.start), min(end, month.end)
            unwatched.append(Gap(row["cluster"], start, end, said="did not say who holds its GPUs"))
        else:
            lost.append(Gap(row["source"], start, end, said=f"lost {_messages(row['lost'])}"))
    return unwatched, lost


def _messages(count: int | None) -> str:
    return "messages" if count is None else f"{count:,} messages"


def _expected(found: list[Gap], gone: Sequence[Silent], least: int) -> list[Gap]:
    """Each as far as something was expected then."""
    cut = [
        replace(g, end=min([g.end, *(one.since for one in gone if one.covers(g.cluster, g.node))]))
        for g in found
    ]
    return [g for g in cut if g.end - g.start > least * MINUTE]


def _within(gap: Gap, known: list[Gap]) -> timedelta:
    """How much of it lies in those of its cluster."""
    own = [other for other in known if other.cluster == gap.cluster]
    parts = (min(gap.end, other.end) - max(gap.start, other.start) for other in own)
    return sum((max(part, timedelta(0)) for part in parts), timedelta(0))


def objections(found: list[Gap], completeness: Decimal | None, limits: ClosingSettings) -> tuple[str, ...]:
    """Each a sentence; none where the month is complete enough."""
    nodes = [str(gap) for gap in found if gap.node]
    said = [str(gap) for gap in found if not gap.node] + nodes[:NAMED]
    if len(nodes) > NAMED:
        said.append(f"and so did {len(nodes) - NAMED} nodes more")
    least = Decimal(str(limits.completeness))
    if completeness is not None and completeness < least:
        seen = (completeness * 100).quantize(Decimal("0.01"), ROUND_FLOOR)  # or it would read as the least
        said.append(f"{seen}% of the month's GPU time was observed, less than {least:.2%}")
    return tuple(said)
