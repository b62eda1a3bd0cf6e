"""Days whose cost is settled: computed once for all dimensions, kept, and added up for each question."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from pipeline import sql
from pipeline.answers.window import DAY, Window
from pipeline.lake.parts import Parts
from pipeline.store import Store

Compute = Callable[[pa.Table, Sequence[str]], pa.Table]
"""The lines of some cells by some dimensions."""

KEPT_FROM_ROWS = 20_000
"""Rows of usage in a window from which its days are kept: less is computed as quickly as it is read."""
CHUNK_ROWS = 150_000
"""Rows of usage that are computed at a time, whole days at least: what bounds the memory of a question."""

_ASKED = ("cost_days", "cost_versions", "cost_holders", "cost_grain", "cost_lines")
_CELL = ("hour", "a", "b")


def lines(
    store: Store,
    tables: Mapping[str, pa.Table],
    window: Window,
    by: Sequence[str],
    dimensions: Sequence[str],
    rule: str,
    compute: Compute,
) -> pa.Table:
    """What `compute` gives for all cells at once, by the same dimensions `by`.

    `tables` are the cells and those of cost_days.sql beside `days`; `rule` is all that a line depends on
    beside them; `dimensions` are all that can be asked for, `day` among them.
    """
    cells = tables["cells"]
    days = _settled(cells, tables["seen"], window)
    if not days or _rows(store, window) < KEPT_FROM_ROWS:
        return compute(cells, by)
    parts, level = Parts.of(store.location), [d for d in dimensions if d != "hour" or "hour" in by]
    by = [d for d in by if d in dimensions]
    unasked = set(dimensions) - set(by)
    names, sizes = _names(store, tables, days, [rule, *level])
    kept = {day: parts.read(names[day], unasked) for day in days}
    found = [_added(part, by) for part in kept.values() if part is not None]
    for chunk in _chunks([day for day, part in kept.items() if part is None], sizes):
        fine = compute(_of_days(cells, chunk), level)
        for day in chunk:
            parts.write(names[day], _of_day(fine, day))
        found.append(_added(fine.drop_columns(list(unasked)), by))
    for day in sorted({_day(hour) for hour in cells["hour"].to_pylist()} - set(days)):
        found.append(_added(compute(_of_days(cells, [day]), by).drop_columns(list(unasked)), by))
    return _added(pa.concat_tables(found), by)


def _settled(cells: pa.Table, seen: pa.Table, window: Window) -> list[datetime]:
    """Whole days of the window before the newest fact."""
    newest = max(seen["as_of"].to_pylist(), default=0)
    ends = dict(zip((_day(hour) for hour in cells["hour"].to_pylist()), cells["b"].to_pylist(), strict=True))
    whole = [day for day in ends if window.start <= day and day + DAY <= window.end]
    return [day for day in whole if ends[day] <= newest]


def _rows(store: Store, window: Window) -> int:
    found = store.query("cost_usage_rows", span_start=_day(window.start), span_end=window.end)
    return int(found["rows"][0].as_py())


def _names(
    store: Store, tables: Mapping[str, pa.Table], days: Sequence[datetime], rest: Sequence[str]
) -> tuple[dict[datetime, str], dict[datetime, int]]:
    """Each day's name, which says all that its lines follow from, and its rows of usage."""
    cells: dict[datetime, list[tuple[object, ...]]] = {day: [] for day in days}
    for hour, *edge in zip(*(tables["cells"][name].to_pylist() for name in _CELL), strict=True):
        cells.get(_day(hour), []).append((hour, *edge))
    edges = [{"day": day, "a": cells[day][0][1], "b": cells[day][-1][2]} for day in days]
    schema = pa.schema([("day", pa.timestamp("us")), ("a", pa.int64()), ("b", pa.int64())])
    given = {name: tables[name] for name in ("seen", "inventory", "versions", "holders", "price")}
    given["days"] = pa.Table.from_pylist(edges, schema)
    marks = store.query("cost_days", tables=given, span_start=days[0], span_end=days[-1] + DAY).to_pylist()
    code = [sql.text(name) for name in _ASKED]
    names = {mark["day"]: _digest([*code, *rest, cells[mark["day"]], mark["digests"]]) for mark in marks}
    return names, {mark["day"]: mark["rows"] for mark in marks}


def _digest(content: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()


def _chunks(days: Sequence[datetime], sizes: Mapping[datetime, int]) -> Iterator[list[datetime]]:
    """Runs of days without a gap, each of few enough rows."""
    chunk: list[datetime] = []
    for day in days:
        if chunk and (chunk[-1] + DAY != day or sum(map(sizes.__getitem__, [*chunk, day])) > CHUNK_ROWS):
            yield chunk
            chunk = []
        chunk.append(day)
    if chunk:
        yield chunk


def _of_day(fine: pa.Table, day: datetime) -> pa.Table:
    import pyarrow.compute as pc  # a fifth of a second of CPU, and small ledgers keep no days

    return fine.filter(pc.equal(fine["day"], pa.scalar(day, pa.timestamp("us"))))


def _of_days(cells: pa.Table, days: Sequence[datetime]) -> pa.Table:
    wanted = set(days)
    return cells.filter(pa.array([_day(hour) in wanted for hour in cells["hour"].to_pylist()]))


def _day(time: datetime) -> datetime:
    return time.replace(hour=0, minute=0, second=0, microsecond=0)


def _added(lines: pa.Table, by: Sequence[str]) -> pa.Table:
    """The sums of the lines by `by`, which come first; null where all are."""
    sums = [name for name in lines.column_names if name not in by]
    if not lines.num_rows:
        return lines.select([*by, *sums])
    found = lines.group_by(list(by)).aggregate([(name, "sum") for name in sums])
    return found.rename_columns([name.removesuffix("_sum") for name in found.column_names])
