"""What commits did to some tables since a state of the lake: they added rows alone, or more than that."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipeline.lake.connect import METADATA

MOST = 5_000
"""Commits that are looked through; of more it costs less to look at the facts again."""
_ADDS = {"inserted_into_table", "inlined_insert"}
_DELETES = {"deleted_from_table", "inlined_delete"}
_MOVES = {"inline_flush", "merge_adjacent", "rewrite_delete"}
"""Maintenance: the rows are what they were, in other files."""


@dataclass(frozen=True, slots=True)
class Added:
    """Tables to which the snapshots `first` to `last`, both included, added rows; to others of those asked
    for nothing happened.  What was added can be read with the lake's table_insertions.
    """

    first: int
    last: int
    tables: frozenset[str]


def name(con: duckdb.DuckDBPyConnection) -> str | None:
    """Names what is read here: two ledgers in one place are never named the same."""
    row = con.execute(
        f"SELECT snapshot_id, snapshot_time FROM {METADATA}.ducklake_snapshot "
        "WHERE snapshot_id = (SELECT id FROM lake.current_snapshot())"
    ).fetchone()
    return None if row is None else _named(*row)


def _named(snapshot: int, time: datetime) -> str:
    return f"{snapshot} of {time}"


@dataclass(frozen=True, slots=True)
class History:
    """What commits did since a state of the lake, to whichever tables."""

    first: int
    """The snapshot after that state."""
    last: int
    changes: frozenset[str]
    numbers: Mapping[int, str]
    """The tables there are, by the number that changes name them by."""


def history(con: duckdb.DuckDBPyConnection, since: str) -> History | None:
    """All that happened since the state of that name.

    None where that cannot be told: the state is none of this ledger's history, or its snapshot or one after
    it was let go.
    """
    start = int(since.split()[0])
    commits = con.execute(
        f"SELECT s.snapshot_id, s.snapshot_time, c.changes_made FROM {METADATA}.ducklake_snapshot AS s "
        f"LEFT JOIN {METADATA}.ducklake_snapshot_changes AS c USING (snapshot_id) "
        "WHERE s.snapshot_id >= $start AND s.snapshot_id <= (SELECT id FROM lake.current_snapshot()) "
        "ORDER BY 1 LIMIT $most",
        {"start": start, "most": MOST},
    ).fetchall()
    # Each commit has the number after the last one's: one that was let go leaves a gap.
    if [row[0] for row in commits] != [*range(start, start + len(commits))] or len(commits) in (0, MOST):
        return None
    if _named(*commits[0][:2]) != since:
        return None
    changes = {change for _, _, made in commits[1:] for change in (made or "unknown").split(",")}
    return History(start + 1, commits[-1][0], frozenset(changes), _numbers(con))


def added(of: History, tables: Collection[str]) -> Added | None:
    """What happened to the tables; None where rows of one were deleted or its form changed."""
    numbers = {number: table for number, table in of.numbers.items() if table in tables}
    did: dict[str, set[str]] = {}
    for change in of.changes:
        kind, _, number = change.partition(":")
        if kind not in _ADDS | _DELETES | _MOVES or not number.isdigit():
            return None
        did.setdefault(numbers.get(int(number), ""), set()).add(kind)
    did.pop("", None)  # tables that nobody asks for
    # Rows that were added and then moved need not be told as added any more.
    if len(numbers) < len(tables) or any(
        kinds & _DELETES or (kinds & _ADDS and kinds & _MOVES) for kinds in did.values()
    ):
        return None
    return Added(of.first, of.last, frozenset(table for table, kinds in did.items() if kinds & _ADDS))


def _numbers(con: duckdb.DuckDBPyConnection) -> dict[int, str]:
    found = con.execute(
        f"SELECT table_id, table_name FROM {METADATA}.ducklake_table, "
        "(SELECT id FROM lake.current_snapshot()) AS now "
        "WHERE begin_snapshot <= now.id AND coalesce(end_snapshot, now.id + 1) > now.id"
    ).fetchall()
    return {int(number): table for number, table in found}
