"""Up to when each fact's minutes are rolled up to hours: one row a fact, moved with the rows themselves."""

from __future__ import annotations

from datetime import datetime

import duckdb

TABLE = "maintenance_rollup"
CREATE = f"CREATE TABLE {TABLE} (fact VARCHAR, until TIMESTAMP)"


def add(con: duckdb.DuckDBPyConnection, fact: str) -> None:
    """With the fact's table, so that two maintainers can only move the row, and only one of them can."""
    con.execute(f"INSERT INTO {TABLE} VALUES ($fact, TIMESTAMP '1970-01-01')", {"fact": fact})


def until(con: duckdb.DuckDBPyConnection, fact: str) -> datetime:
    row = con.execute(f"SELECT until FROM {TABLE} WHERE fact = $fact", {"fact": fact}).fetchone()
    assert row is not None, "the row is made with the fact's table"
    found: datetime = row[0]
    return found


def move(con: duckdb.DuckDBPyConnection, fact: str, to: datetime) -> None:
    con.execute(f"UPDATE {TABLE} SET until = $to WHERE fact = $fact", {"fact": fact, "to": to})
