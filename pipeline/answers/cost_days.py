"""Settled hours, a day's together: their cost is computed once for all dimensions, kept, and added up."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import pyarrow as pa

from pipeline import sql
from pipeline.answers.cost_basis import Basis, reach
from pipeline.answers.cost_since import Since
from pipeline.answers.instants import day_of, from_micros, hour_of, micros
from pipeline.answers.recalled import Recalled, digest
from pipeline.answers.window import DAY, HOUR, MINUTE, Window
from pipeline.lake.parts import Parts
from pipeline.store import Store

Compute = Callable[[pa.Table, Sequence[str]], pa.Table]
"""The lines of some cells by some dimensions."""

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Day:
    """Whole hours of one UTC day, [start, end); `rows` are those of its usage."""

    start: datetime
    end: datetime
    name: str
    rows: int


KEPT_FROM_ROWS = 20_000
"""Rows of usage in a window from which its days are kept: less is computed as quickly as it is read."""
CHUNK_ROWS = 50_000
"""Rows of usage that are computed at a time, an hour's at least: what bounds the memory of a question."""

_ASKED = ("cost_days", "cost_versions", "cost_holders", "cost_grain", "cost_processes", "cost_node_usage",
          "cost_lines")  # fmt: skip


_GIVEN = ("seen", "inventory", "versions", "holders", "price", "commitment")
"""Tables of the basis that a day's name follows from."""


def lines(
    basis: Basis,
    by: Sequence[str],
    dimensions: Sequence[str],
    rule: str,
    compute: Compute,
    recalled: Recalled,
) -> pa.Table:
    """What `compute` gives for all cells at once, by the same dimensions `by`.

    `rule` is all that a line depends on beside the tables of `basis`; `dimensions` are all that can be asked
    for, `day` among them.  `recalled` is of all that the days' names follow from.
    """
    spans = _settled(basis.seen, basis.window)
    level = [d for d in dimensions if d != "hour" or "hour" in by]
    days = _recalled(recalled, basis, spans, [rule, *level]) if spans else []
    if not days:
        return compute(basis.cells, by)
    parts, unasked = Parts.of(basis.store.location), set(dimensions) - set(by)
    by = [d for d in by if d in dimensions]
    kept, added = parts.sums([day.name for day in days], by, unasked)
    found = [] if added is None else [added]
    for chunk in _chunks([day for day in days if day.name not in kept]):
        cells = _pieces(basis.cells, chunk)
        fine = _all([_chosen(compute(some, level), level, unasked) for some in cells], level)
        for day in chunk:
            parts.write(day.name, _of_day(fine, day_of(day.start)))
        found.append(_added(_chosen(fine, by, unasked), by))
    for edge in ((datetime.min, days[0].start), (days[-1].end, datetime.max)):
        cells = _within(basis.cells, *edge)
        if cells.num_rows:
            found.append(_chosen(compute(cells, by), by, unasked))
    return _all(found, by)


def _recalled(recalled: Recalled, basis: Basis, spans: Sequence[Span], rest: Sequence[str]) -> list[Day]:
    """The days of the spans; none where the window has too little usage to keep any."""
    since = basis.since_then(recalled)
    known = {} if since is None else _known(recalled.found or {}, since)
    others = [span for span in spans if span not in known]
    if len(others) == len(spans) and _rows(basis.store, basis.window) < KEPT_FROM_ROWS:
        return []
    if others:
        known |= {(day.start, day.end): day for day in _named(basis, others, rest)}
    days = [known[span] for span in spans]
    if others or since is None or since.is_moved:
        seen = [list(row.values()) for row in basis.seen.to_pylist()]
        said = [(micros(day.start), micros(day.end), day.name, day.rows) for day in days]
        recalled.keep(seen=seen, days=said)
    return days


def _known(found: Mapping[str, Any], since: Since) -> dict[Span, Day]:
    """The days that were named before of which nothing moved since."""
    days = [Day(from_micros(a), from_micros(b), name, rows) for a, b, name, rows in found["days"]]
    return {(day.start, day.end): day for day in days if since.left(day.start, day.end)}


def _settled(seen: pa.Table, window: Window) -> list[Span]:
    """The whole hours of the window before the newest fact, those of each day."""
    newest = from_micros(max(seen["as_of"].to_pylist(), default=0))
    window = reach(seen, window)
    start, end = hour_of(window.start + HOUR - MINUTE), hour_of(min(window.end, newest))
    spans: list[Span] = []
    while start < end:
        spans.append((start, min(day_of(start) + DAY, end)))
        start = spans[-1][1]
    return spans


def _rows(store: Store, window: Window) -> int:
    if (most := 2 * store.largest()) < KEPT_FROM_ROWS:  # of usage and of processes
        return most
    found = store.query("cost_usage_rows", span_start=day_of(window.start), span_end=window.end)
    return int(found["rows"][0].as_py())


def _named(basis: Basis, spans: Sequence[Span], rest: Sequence[str]) -> list[Day]:
    """Each day's name says all that its lines follow from."""
    cells: dict[datetime, list[tuple[object, ...]]] = {day_of(start): [] for start, _ in spans}
    columns = (basis.cells[name].to_pylist() for name in ("hour", "a", "b"))
    for hour, *edge in zip(*columns, strict=True):
        if spans[0][0] <= hour < spans[-1][1] and (of_day := cells.get(day_of(hour))) is not None:
            of_day.append((hour, *edge))
    edges = [{"day": day_of(a), "a": micros(a), "b": micros(b)} for a, b in spans]
    schema = pa.schema([("day", pa.timestamp("us")), ("a", pa.int64()), ("b", pa.int64())])
    given = {name: basis.tables[name] for name in _GIVEN}
    given["days"] = pa.Table.from_pylist(edges, schema)
    marks = basis.store.query(
        "cost_days", tables=given, span_start=spans[0][0], span_end=spans[-1][1]
    ).to_pylist()
    code = [sql.text(name) for name in _ASKED]
    return [
        Day(*span, digest([*code, *rest, cells[mark["day"]], mark["digests"]]), mark["rows"])
        for span, mark in zip(spans, marks, strict=True)
    ]


def _chunks(days: Sequence[Day]) -> Iterator[list[Day]]:
    """Runs of days without a gap, each of few enough rows."""
    chunk: list[Day] = []
    for day in days:
        if chunk and (chunk[-1].end != day.start or sum(d.rows for d in (*chunk, day)) > CHUNK_ROWS):
            yield chunk
            chunk = []
        chunk.append(day)
    if chunk:
        yield chunk


def _pieces(cells: pa.Table, chunk: Sequence[Day]) -> list[pa.Table]:
    """The cells of the chunk's hours: all of them, or so many at a time that few enough rows are in them."""
    start, end = chunk[0].start, chunk[-1].end
    each = max(HOUR, (end - start) * CHUNK_ROWS / max(CHUNK_ROWS, sum(day.rows for day in chunk)))
    edges = [start]
    while edges[-1] < end:
        edges.append(min(end, hour_of(edges[-1] + each)))
    return [_within(cells, a, b) for a, b in pairwise(edges)]


def _of_day(fine: pa.Table, day: datetime) -> pa.Table:
    import pyarrow.compute as pc  # a fifth of a second of CPU, and small ledgers keep no days

    return fine.filter(pc.equal(fine["day"], pa.scalar(day, pa.timestamp("us"))))


def _within(cells: pa.Table, start: datetime, end: datetime) -> pa.Table:
    hours = cells["hour"].to_pylist()
    first, last = bisect_left(hours, start), bisect_left(hours, end)
    return cells.slice(first, last - first)


def _chosen(lines: pa.Table, by: Sequence[str], unasked: Collection[str]) -> pa.Table:
    """The columns `by`, and the sums."""
    return lines.select([*by, *(n for n in lines.column_names if n not in by and n not in unasked)])


def _all(found: Sequence[pa.Table], by: Sequence[str]) -> pa.Table:
    """The sums of all by `by`, by which each is added up."""
    return found[0] if len(found) == 1 else _added(pa.concat_tables(found), by)


def _added(lines: pa.Table, by: Sequence[str]) -> pa.Table:
    """The sums of the lines by `by`, which come first; null where all are."""
    sums = [name for name in lines.column_names if name not in by]
    if not lines.num_rows:
        return lines.select([*by, *sums])
    found = lines.group_by(list(by)).aggregate([(name, "sum") for name in sums])
    return found.rename_columns([name.removesuffix("_sum") for name in found.column_names])
