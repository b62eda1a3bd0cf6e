"""Who maintains the lake: one row that is moved by compare-and-set, and that expires."""

from __future__ import annotations

from datetime import datetime

import duckdb

from pipeline.errors import DriftledgerError

TABLE = "maintenance_lease"
CREATE = (
    f"CREATE TABLE {TABLE} (holder VARCHAR, until TIMESTAMP, swept TIMESTAMP)",
    f"INSERT INTO {TABLE} VALUES ('', TIMESTAMP '1970-01-01', TIMESTAMP '1970-01-01')",
)
"""The row is made with its table, so that two maintainers can only move it, and only one of them can."""


class LeaseHeld(DriftledgerError):
    """Somebody else is maintaining the lake."""

    def __init__(self, holder: str, until: datetime) -> None:
        super().__init__(f"{holder} maintains this ledger until {until:%Y-%m-%dT%H:%M:%SZ}")
        self.holder = holder


def take(con: duckdb.DuckDBPyConnection, holder: str, now: datetime, until: datetime) -> None:
    """Inside a transaction; LeaseHeld where another's is still good.

    Of two that take it at once, one fails its commit.
    """
    row = con.execute(f"SELECT holder, until FROM {TABLE}").fetchone()
    assert row is not None, "the lease's row is made with its table"
    if row[0] not in ("", holder) and row[1] > now:
        raise LeaseHeld(row[0], row[1])
    con.execute(f"UPDATE {TABLE} SET holder = $holder, until = $until", {"holder": holder, "until": until})


def keep(con: duckdb.DuckDBPyConnection, holder: str, until: datetime) -> None:
    """Inside the transaction of a step; LeaseHeld where it was taken over: the step commits nothing."""
    row = con.execute(f"SELECT holder, until FROM {TABLE}").fetchone()
    assert row is not None, "the lease's row is made with its table"
    if row[0] != holder:
        raise LeaseHeld(row[0], row[1])
    con.execute(f"UPDATE {TABLE} SET until = $until", {"until": until})


def release(con: duckdb.DuckDBPyConnection, holder: str) -> None:
    con.execute(f"UPDATE {TABLE} SET holder = '' WHERE holder = $holder", {"holder": holder})


def swept(con: duckdb.DuckDBPyConnection) -> datetime:
    """When files that no commit knows were last looked for."""
    row = con.execute(f"SELECT swept FROM {TABLE}").fetchone()
    assert row is not None, "the lease's row is made with its table"
    found: datetime = row[0]
    return found


def sweep(con: duckdb.DuckDBPyConnection, now: datetime) -> None:
    con.execute(f"UPDATE {TABLE} SET swept = $now", {"now": now})
