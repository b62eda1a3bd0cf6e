"""The lake's tables: one for each fact, with the view that merges its rows."""

from __future__ import annotations

from collections import defaultdict

import duckdb
import pyarrow as pa

from pipeline.facts.catalogue import FACTS
from pipeline.facts.fact import SPAN, Fact
from pipeline.lake import chain, lease, moved, rolled, watermarks
from pipeline.lake.columns import columns, views
from pipeline.lake.merged import LOST, merged
from pipeline.lake.sql_types import sql_type


def create(con: duckdb.DuckDBPyConnection) -> bool:
    """Every fact's table, column and view that is not there yet, in one transaction; whether what is moved
    was settled before.

    Raises duckdb.Error, a conflict, where another process creates them at the same time.
    """
    con.execute("BEGIN")
    settled = moved.settled(con)
    # Looked up inside the transaction: another process may have created them just before.
    present: dict[str, set[str]] = defaultdict(set)
    stale: list[Fact] = []
    elsewhere = set[str]()
    for schema, table, column in columns(con):
        present[table].add(column)
        if schema == "main" and table.startswith(watermarks.PREFIX):
            elsewhere.add(table)
    moved.create(con, sorted(elsewhere))
    merging = views(con)
    if rolled.TABLE not in present:
        con.execute(rolled.CREATE)
    for fact in FACTS.values():
        if fact.name not in present:
            _create(con, fact)
        elif missing := [field for field in fact.values if field.name not in present[fact.name]]:
            _widen(con, fact, missing)
        elif not fact.listing or LOST in merging.get(f"{fact.name}_merged", ""):
            continue
        stale.append(fact)
    for fact in stale:  # once all tables are there: a view may look at several
        con.execute(f'CREATE OR REPLACE VIEW "{fact.name}_merged" AS {merged(fact)}')
    for statement in (s for table, made in lease.CREATE.items() if table not in present for s in made):
        con.execute(statement)
    if chain.TABLE not in present:
        for statement in chain.CREATE:
            con.execute(statement)
    if watermarks.REGISTER not in present:
        con.execute(watermarks.CREATE)
        _describe(con, watermarks.REGISTER, 3)
    con.execute("COMMIT")
    return settled


def _create(con: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    listed = ", ".join(f'"{f.name}" {sql_type(f.type)}' for f in fact.schema)
    span = f", {SPAN} INTEGER DEFAULT 1" if fact.rolls else ""
    con.execute(f'CREATE TABLE "{fact.name}" ({listed}{span})')
    _describe(con, fact.name, len(fact.schema) + bool(fact.rolls))
    if fact.rolls:
        rolled.add(con, fact.name)


def _describe(con: duckdb.DuckDBPyConnection, table: str, columns: int) -> None:
    """Let the catalog know the new table's statistics, from a row of nulls that nobody ever sees.

    Of a table that had no row yet it knows none, and asks its database for them, a question for each column,
    whenever the table is read: a tenth of a second.
    """
    con.execute(f'INSERT INTO "{table}" VALUES ({", ".join(["NULL"] * columns)})')
    con.execute(f'DELETE FROM "{table}"')


def _widen(con: duckdb.DuckDBPyConnection, fact: Fact, missing: list[pa.Field]) -> None:
    """A ledger of an older version gets the columns that came since; in what it holds they are 0 or null."""
    default = " DEFAULT 0" if fact.merge == "add" else ""
    for field in missing:
        con.execute(f'ALTER TABLE "{fact.name}" ADD COLUMN "{field.name}" {sql_type(field.type)}{default}')


def insert(con: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Append rows of a fact, in any order of columns."""
    if rows.num_rows == 0:
        return
    con.register("incoming", rows.select(FACTS[name].schema.names))
    try:
        con.execute(f'INSERT INTO "{name}" BY NAME SELECT * FROM incoming')
    finally:
        con.unregister("incoming")
