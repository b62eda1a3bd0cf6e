"""How far each partition is in the lake: a small table per topic id and partition, moved by compare-and-set.

A table of its own per partition, because the lake finds conflicts per table: a worker that lost its
partition fails its commit instead of writing twice, and workers on other partitions do not collide.
Why they have a schema of their own: pipeline/lake/moved.py.
The row of source '' holds the last offset, and with the id `newest` the latest append time; a row with an id
the offset of a message that only its id tells apart, and every other row the last sequence of one source.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import duckdb
import pyarrow as pa

from pipeline.errors import StaleWatermark
from pipeline.lake import moved

NOTHING = -1
"""Offset before the first message, and an append time that is not known."""

_NEWEST = "newest"

REGISTER = "partitions"
CREATE = f"CREATE TABLE {REGISTER} (topic VARCHAR, topic_id VARCHAR, partition INTEGER)"
"""Every partition that has a watermark, by the name that its topic has under each of its ids."""

Id: TypeAlias = tuple[str, str]
"""Source and id of a message whose source does not number."""


@dataclass(slots=True)
class Watermark:
    """Last offset taken from a partition, the last sequence of each source in it, and the offsets of ids."""

    offset: int = NOTHING
    sources: dict[str, int] = field(default_factory=dict)
    ids: dict[Id, int] = field(default_factory=dict)
    newest: int = NOTHING
    """Latest time at which a message that was taken had been appended, microseconds since 1970: in a log that
    is still the same, what was appended later has a higher offset."""


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
    ids: Mapping[Id, int] = field(default_factory=dict)
    """New ids and their offsets."""
    forget: int = NOTHING
    """Ids of lower offsets are no longer kept."""
    topic: str = ""
    """Name of the topic."""
    newest: int = NOTHING
    """As that of the watermark from now on; NOTHING leaves it as it is."""
    newest_expected: int = NOTHING
    """That of the watermark as it was read."""


PREFIX = "watermark_"


def table(topic_id: str, partition: int) -> str:
    """Its name with its schema, quoted."""
    return f'{moved.SCHEMA}."{PREFIX}{"".join(c for c in topic_id if c.isalnum())}_{partition:d}"'


def read(con: duckdb.DuckDBPyConnection, topic_id: str, partition: int) -> Watermark:
    mark = Watermark()
    try:
        found = con.execute(f"SELECT source, id, sequence FROM {table(topic_id, partition)}").fetchall()
    except duckdb.CatalogException:  # no message of this partition has ever been taken
        return mark
    for source, id_, number in found:
        if id_ and not source:
            mark.newest = number
        elif id_:
            mark.ids[source, id_] = number
        else:
            mark.sources[source] = number
    mark.offset = mark.sources.pop("", NOTHING)
    return mark


def elsewhere(
    con: duckdb.DuckDBPyConnection, topic: str, topic_id: str, sources: Collection[str]
) -> dict[str, int]:
    """Last sequence of each source in the topic's logs of other ids: a topic made again, or moved.

    A source that was never there is not in the answer.
    """
    others = con.execute(
        f"SELECT topic_id, partition FROM {REGISTER} WHERE topic = ? AND topic_id <> ?", [topic, topic_id]
    ).fetchall()
    if not others:
        return {}
    logs = " UNION ALL ".join(f"SELECT source, id, sequence FROM {table(*other)}" for other in others)
    found = con.execute(
        f"SELECT source, max(sequence) FROM ({logs}) "
        "WHERE id = '' AND source IN (SELECT unnest(?)) GROUP BY source",
        [list(sources)],
    )
    return dict(found.fetchall())


def advance(con: duckdb.DuckDBPyConnection, step: Advance) -> None:
    """Inside the facts' transaction; raises StaleWatermark when the partition moved meanwhile."""
    name = table(step.topic_id, step.partition)
    if step.expected == NOTHING:
        _begin(con, name, step)
    _move(con, name, step)
    new = [(s, "", n) for s, n in step.sources.items() if s not in step.known]
    if step.newest > NOTHING and step.newest_expected == NOTHING:
        new.append(("", _NEWEST, step.newest))
    _insert(con, name, new)
    _insert(con, name, [(*id_, offset) for id_, offset in step.ids.items()])
    if step.forget > NOTHING:
        con.execute(f"DELETE FROM {name} WHERE id <> '' AND source <> '' AND sequence < {step.forget:d}")


def _begin(con: duckdb.DuckDBPyConnection, name: str, step: Advance) -> None:
    """The partition's table, and the row of its offset."""
    con.execute(f"CREATE TABLE IF NOT EXISTS {name} (source VARCHAR, id VARCHAR, sequence BIGINT)")
    if row := con.execute(f"SELECT sequence FROM {name} WHERE source = '' AND id = ''").fetchone():
        if row[0] == NOTHING:  # its log lost all that it had
            return
        raise _stale(step, f"is at {row[0]}")
    con.execute(f"INSERT INTO {name} VALUES ('', '', {NOTHING})")
    con.execute(f"INSERT INTO {REGISTER} VALUES (?, ?, ?)", [step.topic, step.topic_id, step.partition])


def _move(con: duckdb.DuckDBPyConnection, name: str, step: Advance) -> None:
    """Compare and set in one statement, since each that reads the table costs as much as a small commit.

    Which rows are meant stands in a CASE: of a plain condition the lake asks its catalog in which files such
    ids may be, twice, and there is none.
    """
    to = {"": step.offset, **{source: step.sources[source] for source in step.known}}
    newer = step.newest > NOTHING and step.newest_expected > NOTHING
    updated = con.execute(
        f"UPDATE {name} SET sequence = CASE WHEN id = '' "
        "THEN ($numbers::BIGINT[])[list_position($sources::VARCHAR[], source)] ELSE $newest END "
        "WHERE CASE WHEN id = '' THEN list_contains($sources::VARCHAR[], source) "
        "AND (source <> '' OR sequence = $expected) ELSE $newer AND source = '' AND id = $newest_id END",
        {
            "sources": list(to), "numbers": list(to.values()), "expected": step.expected,
            "newest": step.newest, "newer": newer, "newest_id": _NEWEST,
        },
    ).fetchone()  # fmt: skip
    if updated is None or updated[0] != len(to) + newer:
        raise _stale(step, "has moved")


def _insert(con: duckdb.DuckDBPyConnection, name: str, rows: list[tuple[str, str, int]]) -> None:
    if not rows:
        return
    source, id_, number = zip(*rows, strict=True)
    con.register("added", pa.table({"source": source, "id": id_, "sequence": pa.array(number, pa.int64())}))
    try:
        con.execute(f"INSERT INTO {name} BY NAME SELECT * FROM added")
    finally:
        con.unregister("added")


def _stale(step: Advance, state: str) -> StaleWatermark:
    return StaleWatermark(
        f"partition {step.partition} of {step.topic_id} {state}, it is not at {step.expected}: "
        "another writer took it over"
    )
