"""Tables whose rows writers move: they stay in the catalog, never in files, and are never compacted.

The lake checks a compaction of files (merge, rewrite) against deletes of many rows that commit meanwhile,
but not against deletes of few, which it keeps in the catalog (ducklake's CheckForConflicts compares
`tables_deleted_inlined` with neither `tables_merge_adjacent` nor `tables_rewrite_delete`).  A watermark that
moves while its table is rewritten would then be there twice, before and after its move, and its partition
stuck for good.  So none of these tables ever has a file, and what is dead of them is let go in the catalog.
"""

from __future__ import annotations

import duckdb

from pipeline.lake import lease
from pipeline.lake.connect import METADATA

SCHEMA = "moved"
"""Schema of the watermarks, of which one transaction may move many rows."""
INLINED_ROWS = 1_000_000
"""Rows that a transaction writes into the catalog at most, where other tables get a file from 11 on."""
_OPTION = "data_inlining_row_limit"

BESIDE = (lease.MAINTENANCE, lease.MONTH_END)
"""Tables of the main schema that are moved often, too; those that are moved once a day keep their past."""


def settled(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the schema has its limit: a connection knows what was set before it was opened."""
    found = con.execute(
        f"SELECT count(*) FROM {METADATA}.ducklake_metadata WHERE key = '{_OPTION}' AND scope = 'schema'"
    ).fetchone()
    return bool(found and found[0])


def settle(con: duckdb.DuckDBPyConnection) -> None:
    """After the schema was made; connections that are opened from now on heed it."""
    con.execute(f"CALL lake.set_option('{_OPTION}', {INLINED_ROWS}, schema => '{SCHEMA}')")


def create(con: duckdb.DuckDBPyConnection, elsewhere: list[str]) -> None:
    """Inside the transaction that makes the lake's tables; `elsewhere` are watermarks of an older version."""
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    for name in elsewhere:
        con.execute(f'CREATE TABLE {SCHEMA}."{name}" AS SELECT * FROM main."{name}"')
        con.execute(f'DROP TABLE main."{name}"')


def let_go(con: duckdb.DuckDBPyConnection, least: int) -> int:
    """Dead rows of the catalog let go, of tables that have so many; nobody asks for their past."""
    kept = con.execute(
        f"SELECT i.table_name FROM {METADATA}.ducklake_inlined_data_tables AS i "
        f"JOIN {METADATA}.ducklake_table AS t USING (table_id) "
        f"JOIN {METADATA}.ducklake_schema AS s USING (schema_id) "
        f"WHERE t.end_snapshot IS NULL AND (s.schema_name = '{SCHEMA}' OR t.table_name IN {BESIDE})"
    ).fetchall()
    gone = 0
    for (table,) in kept:
        dead = f'FROM {METADATA}."{table}" WHERE end_snapshot IS NOT NULL'
        found = con.execute(f"SELECT count(*) {dead}").fetchone()
        if found and found[0] >= least:
            con.execute(f"DELETE {dead}")
            gone += found[0]
    return gone
