"""How far what was found out of an earlier state of the ledger still holds: the days that nothing moved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from pipeline.answers import cost_query
from pipeline.answers.instants import day_of, micros
from pipeline.answers.recalled import Recalled
from pipeline.facts.control import GAPS
from pipeline.facts.cost import ALLOCATIONS, DEVICES, GPU_USAGE, PROCESS_USAGE
from pipeline.lake.changes import Added
from pipeline.store import Store
from pipeline.wire.types.control import BEGINS

FACTS = tuple(fact.name for fact in (GPU_USAGE, PROCESS_USAGE, ALLOCATIONS, DEVICES, GAPS))
"""All of the ledger that the name of a day follows from."""


@dataclass(frozen=True, slots=True)
class Since:
    """From the state `of` to the one that is read."""

    of: str
    seen: pa.Table
    """What cost_query.seen gives now."""
    until: int | None
    """Microseconds: only later may others hold devices, or what is open end later; None is never."""
    days: frozenset[datetime]
    """Of which usage was told."""
    is_moved: bool
    """Whether it is another state at all."""

    def left(self, start: datetime, end: datetime) -> bool:
        """Whether all that the cost of these hours of one day follows from is what it was."""
        return (self.until is None or micros(end) <= self.until) and day_of(start) not in self.days


def of(store: Store, recalled: Recalled) -> Since | None:
    """None where nothing was found out before, or all of it must be looked at again."""
    if recalled.found is None or recalled.said_of is None or (now := store.state()) is None:
        return None
    before: dict[str, tuple[int, int]] = {row[0]: (row[1], row[2]) for row in recalled.found["seen"]}
    if now == recalled.said_of:
        return Since(now, _seen(before), None, frozenset(), False)
    added = store.added(recalled.said_of, FACTS)
    return None if added is None else _since(store, recalled.said_of, before, added)


def _since(store: Store, state: str, before: dict[str, tuple[int, int]], added: Added) -> Since | None:
    def told(name: str, fact: str, **more: Any) -> list[dict[str, Any]]:
        if fact not in added.tables:
            return []
        rows: list[dict[str, Any]] = store.query(name, first=added.first, last=added.last, **more).to_pylist()
        return rows

    if DEVICES.name in added.tables:
        return None
    if any(row["listings"] for row in told("cost_since_listings", GAPS.name, begins=BEGINS)):
        return None
    usage = told("cost_since_usage", GPU_USAGE.name)
    holders = told("cost_since_holders", ALLOCATIONS.name, begins=BEGINS)
    processes = told("cost_since_processes", PROCESS_USAGE.name)
    now = _reached(before, (*usage, *holders))
    # What was bought by number is paid from the first fact on, and a new cluster has none of what was found.
    if now.keys() != before.keys() or _first(now) != _first(before) or any(row["is_any"] for row in holders):
        return None
    moved = [before[cluster][1] for cluster in now if now[cluster][1] != before[cluster][1]]
    moved += [row["first"] for row in holders]
    days = {day for row in usage for day in row["days"]} | {row["day"] for row in processes}
    return Since(state, _seen(now), min(moved, default=None), frozenset(days), True)


def _reached(
    before: dict[str, tuple[int, int]], told: Iterable[dict[str, Any]]
) -> dict[str, tuple[int, int]]:
    now = dict(before)
    for row in told:
        first, as_of = now.get(row["cluster"], (row["first"], row["as_of"]))
        now[row["cluster"]] = min(first, row["first"]), max(as_of, row["as_of"])
    return now


def _first(seen: dict[str, tuple[int, int]]) -> int | None:
    return min((first for first, _ in seen.values()), default=None)


def _seen(reached: dict[str, tuple[int, int]]) -> pa.Table:
    return cost_query.seen_again([(cluster, *edges) for cluster, edges in reached.items()])
