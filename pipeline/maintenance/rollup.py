"""Minutes past an age become hours: days of a fact in a transaction; no answer over whole hours changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa

from pipeline.answers import cost_query
from pipeline.facts.catalogue import FACTS
from pipeline.facts.cost import GPU_USAGE
from pipeline.facts.fact import SPAN, Fact
from pipeline.lake import rolled
from pipeline.lake.sql_types import sql_type
from pipeline.maintenance.shift import Shift
from pipeline.ownership.rules import Ownership
from pipeline.store import Store

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
RUN_ROWS = 150_000
"""Rows that are rolled up at a time, whole days at least: a backlog of a year is not 365 transactions, and no
transaction takes much memory."""

KEPT = pa.schema([("cluster", pa.string()), ("device", pa.string()), ("hour", pa.timestamp("us"))])


def roll(shift: Shift) -> tuple[int, str]:
    """Rows fewer than before; facts whose writers came first each time are named."""
    fewer, busy = 0, []
    for fact in FACTS.values():
        if fact.rolls:
            less, done = _fact(shift, fact)
            fewer += less
            busy += [] if done else [fact.name]
    return fewer, f"busy, left for the next round: {', '.join(busy)}" if busy else ""


def _fact(shift: Shift, fact: Fact) -> tuple[int, bool]:
    """(rows fewer, whether everything old enough is done)."""
    end = _day(shift.started) - timedelta(days=shift.settings.rollup_days)
    fewer = 0
    for start, until in _runs(_days(shift.store, fact, end)):
        less = _tried(shift, fact, start, until)
        if less is None:
            return fewer, False
        fewer += less
    return fewer, True


def _day(time_: datetime) -> datetime:
    return time_.replace(hour=0, minute=0, second=0, microsecond=0)


def _days(store: Store, fact: Fact, end: datetime) -> list[tuple[datetime, int]]:
    """Each day that is old enough, holds rows and is not rolled up yet, and its rows."""
    with store.transaction() as con:
        return con.execute(
            f"SELECT date_trunc('day', minute)::TIMESTAMP AS day, count(*) FROM \"{fact.name}\" "
            "WHERE minute >= $start AND minute < $end GROUP BY day ORDER BY day",
            {"start": rolled.until(con, fact.name), "end": end},
        ).fetchall()


def _runs(days: Iterable[tuple[datetime, int]]) -> Iterator[tuple[datetime, datetime]]:
    """Start and end of days that follow each other, together of few enough rows."""
    start = end = None
    held = 0
    for day, rows in days:
        if start is not None and end is not None and (end != day or held + rows > RUN_ROWS):
            yield start, end
            start, held = None, 0
        start, end, held = start or day, day + DAY, held + rows
    if start is not None and end is not None:
        yield start, end


def _tried(shift: Shift, fact: Fact, start: datetime, end: datetime) -> int | None:
    kept = _kept(shift.store, start, end) if fact is GPU_USAGE else KEPT.empty_table()
    return shift.changed(lambda con: _rolled(con, fact, start, end, kept))


def _rolled(
    con: duckdb.DuckDBPyConnection, fact: Fact, start: datetime, end: datetime, kept: pa.Table
) -> int:
    """The days' rows replaced by rows of hours; what comes later stays beside them, and adds up."""
    span = {"start": start, "end": end}
    if rolled.until(con, fact.name) > start:  # another maintainer came first
        return 0
    con.register("kept", kept)
    try:
        con.execute(f"CREATE OR REPLACE TEMP TABLE rolled_days AS {_hours(fact)}", span)
    finally:
        con.unregister("kept")
    where = f'FROM "{fact.name}" WHERE minute >= $start AND minute < $end'
    fewer = _count(con, f"SELECT count(*) {where}", span) - _count(
        con, "SELECT count(*) FROM rolled_days", {}
    )
    if fewer:
        con.execute(f"DELETE {where}", span)
        con.execute(f'INSERT INTO "{fact.name}" BY NAME SELECT * FROM rolled_days')
    rolled.move(con, fact.name, end)
    con.execute("DROP TABLE rolled_days")
    return fewer


def _hours(fact: Fact) -> str:
    """A row a key and hour; it keeps its first minute, and the span says up to where its minutes reach."""
    key = ", ".join(f'"{n}"' for n in fact.key_names[1:])
    sums = ", ".join(f'CAST(sum("{f.name}") AS {sql_type(f.type)}) AS "{f.name}"' for f in fact.values)
    end = f"max(minute + to_minutes({SPAN}))"
    hour = "date_trunc('hour', minute)"
    if fact is GPU_USAGE:
        fine = f"(cluster, device, {hour}) IN (SELECT (cluster, device, hour) FROM kept)"
        hour = f"CASE WHEN {fine} THEN minute ELSE {hour} END"
    return (
        f"SELECT min(minute) AS minute, {key}, {sums}, "
        f"CAST(date_diff('minute', min(minute), {end}) AS INTEGER) AS {SPAN} "
        f'FROM "{fact.name}" WHERE minute >= $start AND minute < $end GROUP BY {key}, {hour}'
    )


def _count(con: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, datetime]) -> int:
    row = con.execute(sql, parameters).fetchone()
    return int(row[0]) if row else 0


def _kept(store: Store, start: datetime, end: datetime) -> pa.Table:
    """Hours of devices whose cost follows from their minutes only: holders change, or a limit is reached."""
    with store.steady():
        known = cost_query.seen(store, start), cost_query.inventory(store)
        tables = cost_query.known(store, _cells(start, end), *known, Ownership())
        hours = store.query("rollup_gpu_hours", start=start, end=end)
        fine = cost_query.grain(store, tables, end)
        coarse = cost_query.grain(store, {**tables, "gpu_usage": hours}, end)
        compared = {"fine": fine, "coarse": coarse, "hours": hours}
        shared = {name: tables[name] for name in ("cells", "inventory")}
        return store.query("rollup_differs", tables={**compared, **shared})


def _cells(start: datetime, end: datetime) -> pa.Table:
    """The hours of whole days as cost_grain.sql wants them."""
    starts = [start + n * HOUR for n in range((end - start) // HOUR)]
    micros = [(t - datetime(1970, 1, 1)) // timedelta(microseconds=1) for t in starts]
    return pa.table(
        {
            "cell": pa.array(range(len(starts)), pa.int32()),
            "hour": pa.array(starts, pa.timestamp("us")),
            "a": pa.array(micros, pa.int64()),
            "b": pa.array([m + HOUR // timedelta(microseconds=1) for m in micros], pa.int64()),
            "sign": pa.array([1] * len(starts), pa.int32()),
        }
    )
