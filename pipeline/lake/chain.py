"""The end of the chain of closed months: one row, moved by compare-and-set, so that one closer wins."""

from __future__ import annotations

import duckdb

from pipeline.errors import StaleWatermark

TABLE = "closing_chain"
CREATE = (
    f"CREATE TABLE {TABLE} (head VARCHAR, claims BIGINT)",
    f"INSERT INTO {TABLE} VALUES ('', 0)",
)
"""The row is made with its table: two who move it at once conflict, and only one of them commits."""


def move(con: duckdb.DuckDBPyConnection, previous: str, head: str) -> None:
    """Inside the transaction of a close; StaleWatermark where another month was closed since."""
    row = con.execute(f"SELECT head FROM {TABLE}").fetchone()
    assert row is not None, "the chain's row is made with its table"
    if row[0] != previous:
        raise StaleWatermark("another month was closed meanwhile; ask again")
    con.execute(f"UPDATE {TABLE} SET head = $head", {"head": head})


def claim(con: duckdb.DuckDBPyConnection) -> None:
    """Inside the transaction that takes a delivery: of two at once, one fails its commit."""
    con.execute(f"UPDATE {TABLE} SET claims = claims + 1")
