"""What nobody saw of a month, and is too much to be charged without a word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from pipeline.answers.cost_notes import told
from pipeline.answers.window import MINUTE, Window
from pipeline.settings.closing import ClosingSettings
from pipeline.store import Store

NAMED = 10
"""Nodes that a sentence names each."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A cluster, or one node of it, that said nothing of any GPU in [start, end)."""

    cluster: str
    start: datetime
    end: datetime
    node: str = ""

    def __str__(self) -> str:
        minutes = (self.end - self.start) // MINUTE
        long = f"{minutes} minutes" if minutes < 120 else f"{told(Decimal(minutes) / 60)} hours"
        start, end = (f"{time:%Y-%m-%d %H:%M}Z" for time in (self.start, self.end))
        whose = f"node {self.node} of {self.cluster}" if self.node else self.cluster
        return f"{whose} said nothing from {start} to {end} ({long})"


def gaps(store: Store, month: Window, limits: ClosingSettings) -> list[Gap]:
    """Silences longer than the limits: between facts that were sent, and after the last."""
    rows = store.query("silences", start=month.start, end=month.end, minutes=limits.gap_minutes).to_pylist()
    found = [Gap(row["cluster"], row["start"], row["end"]) for row in rows]
    return found + _of_nodes(store, month, limits, found)


def _of_nodes(store: Store, month: Window, limits: ClosingSettings, known: list[Gap]) -> list[Gap]:
    """Those of nodes that are not their whole cluster's, which is named already."""
    least = limits.node_gap_minutes
    rows = store.query("silences_of_nodes", start=month.start, end=month.end, minutes=least).to_pylist()
    nodes = [Gap(row["cluster"], row["start"], row["end"], row["node"]) for row in rows]
    return [gap for gap in nodes if (gap.end - gap.start - _within(gap, known)) > timedelta(minutes=least)]


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
        said.append(f"{completeness:.2%} of the month's GPU time was observed, less than {least:.2%}")
    return tuple(said)
