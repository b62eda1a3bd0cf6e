"""How far each partition is in the lake: a small table per topic id and partition, moved by compare-and-set.

A table of its own per partition, because the lake finds conflicts per table: a worker that lost its
partition fails its commit instead of writing twice, and workers on other partitions do not collide.
Row '' holds the last offset; every other row the last sequence of one source.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from pipeline.errors import StaleWatermark

NOTHING = -1
"""Offset before the first message."""


@dataclass(slots=True)
class Watermark:
    """Last offset taken from a partition, and the last sequence taken from each source in it."""

    offset: int = NOTHING
    sources: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Advance:
    """Move a partition from `expected` to `offset`; `sources` are the sequences that moved with it."""

    topic_id: str
    partition: int
    expected: int
    offset: int
    sources: dict[str, int]
    known: frozenset[str] = frozenset()
    """Those of the sources that the partition's watermark, as it was read, has already."""


def table(topic_id: str, partition: int) -> str:
    return f"watermark_{''.join(c for c in topic_id if c.isalnum())}_{partition:d}"


def read(con: duckdb.DuckDBPyConnection, topic_id: str, partition: int) -> Watermark:
    try:
        found = con.execute(f'SELECT source, sequence FROM "{table(topic_id, partition)}"').fetchall()
    except duckdb.CatalogException:  # no message of this partition has ever been taken
        return Watermark()
    rows = dict(found)
    return Watermark(rows.pop("", NOTHING), rows)


def advance(con: duckdb.DuckDBPyConnection, step: Advance) -> None:
    """Inside the facts' transaction; raises StaleWatermark when the partition moved meanwhile."""
    name = table(step.topic_id, step.partition)
    if step.expected == NOTHING:
        _begin(con, name, step)
    moved = {"": step.offset, **step.sources}
    con.register("moved", pa.table({"source": list(moved), "sequence": pa.array(moved.values(), pa.int64())}))
    try:
        _move(con, name, step)
    finally:
        con.unregister("moved")


def _begin(con: duckdb.DuckDBPyConnection, name: str, step: Advance) -> None:
    """The partition's table, and the row of its offset."""
    con.execute(f'CREATE TABLE IF NOT EXISTS "{name}" (source VARCHAR, sequence BIGINT)')
    if row := con.execute(f"SELECT sequence FROM \"{name}\" WHERE source = ''").fetchone():
        raise _stale(step, f"is at {row[0]}")
    con.execute(f"INSERT INTO \"{name}\" VALUES ('', {NOTHING})")


def _move(con: duckdb.DuckDBPyConnection, name: str, step: Advance) -> None:
    """Compare and set in one statement, since each that reads the table costs as much as a small commit."""
    updated = con.execute(
        f'UPDATE "{name}" AS w SET sequence = m.sequence FROM moved m '
        f"WHERE w.source = m.source AND (w.source <> '' OR w.sequence = {step.expected:d})"
    ).fetchone()
    if updated is None or updated[0] != 1 + len(step.known):
        raise _stale(step, "has moved")
    new = [source for source in step.sources if source not in step.known]
    if new:
        con.execute(f'INSERT INTO "{name}" SELECT * FROM moved WHERE source IN (SELECT unnest(?))', [new])


def _stale(step: Advance, state: str) -> StaleWatermark:
    return StaleWatermark(
        f"partition {step.partition} of {step.topic_id} {state}, it is not at {step.expected}: "
        "another writer took it over"
    )
