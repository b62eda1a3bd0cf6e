"""Many small files become few: rows in the catalog are written out, files merged, deleted rows left out.

Only of tables of which nobody but a maintainer deletes: pipeline/lake/moved.py says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.errors import StaleWatermark
from pipeline.facts.catalogue import FACTS
from pipeline.lake import moved
from pipeline.lake.connect import METADATA
from pipeline.lake.watermarks import REGISTER
from pipeline.maintenance.shift import Shift

INLINED_ROWS = 100
"""Rows of a table in the catalog, dead ones too, that are worth a file."""
FILES = 16
"""Files of one tier that are worth merging: each byte is written about once a tier."""
TIERS = (1 << 20, 16 << 20, 256 << 20)
"""Bytes below which a file belongs to a tier."""
DELETED_SHARE = 0.5
"""Share of deleted rows from which a file is written anew."""
_APPENDED = f"t.table_name IN {(*FACTS, REGISTER)}"
BATCH = 500
"""Files merged in one call: merging holds them in memory."""
ATTEMPTS = 5
"""A busy table is tried so often in a round; a writer's commit that came first is a reason to try again."""


def flush(shift: Shift) -> tuple[int, str]:
    """Rows written out; a table that its writer would not let go this time is named."""
    rows, busy = 0, []
    for table in _inlined(shift):
        done = _tried(shift, f"CALL ducklake_flush_inlined_data('lake', table_name => '{table}')")
        rows += sum(int(row[2]) for row in done or ())
        busy += [] if done is not None else [table]
    return rows, _busy(busy)


def trim(shift: Shift) -> tuple[int, str]:
    """Dead rows let go of tables whose rows writers move."""
    shift.turn.goes_on()
    with shift.store.transaction() as con:
        return moved.let_go(con, INLINED_ROWS), ""


def merge(shift: Shift) -> tuple[int, str]:
    """Files that were merged away; busy tables are named."""
    files, busy = 0, []
    for table, bytes_ in _crowded(shift):
        done = _tried(
            shift,
            f"CALL ducklake_merge_adjacent_files('lake', '{table}', max_file_size => {bytes_}, "
            f"max_compacted_files => {BATCH})",
        )
        files += sum(int(row[2]) - int(row[3]) for row in done or ())
        busy += [] if done is not None else [table]
    return files, _busy(busy)


def rewrite(shift: Shift) -> tuple[int, str]:
    """Files written anew because many of their rows are deleted; busy tables are named."""
    files, busy = 0, []
    for table in _deleted(shift):
        call = f"CALL ducklake_rewrite_data_files('lake', '{table}', delete_threshold => {DELETED_SHARE})"
        done = _tried(shift, call)
        files += sum(int(row[2]) for row in done or ())
        busy += [] if done is not None else [table]
    return files, _busy(busy)


def _tried(shift: Shift, call: str) -> list[tuple[Any, ...]] | None:
    """The rows of the call; None where writers came first each time."""
    for _ in range(ATTEMPTS):
        try:
            with shift.compaction() as con:
                return con.execute(call).fetchall()
        except StaleWatermark:
            continue
    return None


def _busy(tables: list[str]) -> str:
    return f"busy, left for the next round: {', '.join(sorted(set(tables)))}" if tables else ""


def _inlined(shift: Shift) -> list[str]:
    with shift.store.transaction() as con:
        known = con.execute(
            f"SELECT t.table_name, i.table_name FROM {METADATA}.ducklake_inlined_data_tables AS i "
            f"JOIN {METADATA}.ducklake_table AS t USING (table_id) "
            f"WHERE t.end_snapshot IS NULL AND {_APPENDED}"
        ).fetchall()
        return [
            table
            for table, kept in known
            if _count(con.execute(f'SELECT count(*) FROM {METADATA}."{kept}"').fetchone()) >= INLINED_ROWS
        ]


def _count(row: tuple[int, ...] | None) -> int:
    return row[0] if row else 0


def _crowded(shift: Shift) -> Iterator[tuple[str, int]]:
    """Tables and the tiers in which they have many files, from the smallest, looked up before each."""
    for tier in TIERS:
        with shift.store.transaction() as con:
            found = con.execute(
                f"SELECT t.table_name FROM {METADATA}.ducklake_data_file AS f "
                f"JOIN {METADATA}.ducklake_table AS t USING (table_id) "
                f"WHERE t.end_snapshot IS NULL AND f.end_snapshot IS NULL AND {_APPENDED} "
                f"AND f.file_size_bytes < {tier} "
                f"AND f.data_file_id NOT IN (SELECT data_file_id FROM {METADATA}.ducklake_delete_file "
                f"WHERE end_snapshot IS NULL) GROUP BY ALL HAVING count(*) >= {FILES} ORDER BY ALL"
            ).fetchall()
        yield from ((table, tier) for (table,) in found)


def _deleted(shift: Shift) -> list[str]:
    with shift.store.transaction() as con:
        found = con.execute(
            f"SELECT DISTINCT t.table_name FROM {METADATA}.ducklake_delete_file AS d "
            f"JOIN {METADATA}.ducklake_data_file AS f USING (data_file_id) "
            f"JOIN {METADATA}.ducklake_table AS t ON t.table_id = f.table_id "
            f"WHERE t.end_snapshot IS NULL AND f.end_snapshot IS NULL AND d.end_snapshot IS NULL "
            f"AND {_APPENDED} AND d.delete_count >= {DELETED_SHARE} * f.record_count ORDER BY ALL"
        ).fetchall()
    return [table for (table,) in found]
