"""Who does what only one at a time is to do to a lake: a row moved by compare-and-set, and that expires."""

from __future__ import annotations

from datetime import datetime

import duckdb

from pipeline.errors import DriftledgerError

MAINTENANCE, MONTH_END = "maintenance_lease", "month_end_lease"
_DOES = {MAINTENANCE: "maintains this ledger", MONTH_END: "ends this ledger's months"}
CREATE = {
    MAINTENANCE: (
        f"CREATE TABLE {MAINTENANCE} (holder VARCHAR, until TIMESTAMP, swept TIMESTAMP)",
        f"INSERT INTO {MAINTENANCE} VALUES ('', TIMESTAMP '1970-01-01', TIMESTAMP '1970-01-01')",
    ),
    MONTH_END: (
        f"CREATE TABLE {MONTH_END} (holder VARCHAR, until TIMESTAMP)",
        f"INSERT INTO {MONTH_END} VALUES ('', TIMESTAMP '1970-01-01')",
    ),
}
"""The row is made with its table, so that two can only move it, and only one of them can."""


class LeaseHeld(DriftledgerError):
    """Somebody else is at it."""

    def __init__(self, table: str, holder: str, until: datetime) -> None:
        super().__init__(f"{holder} {_DOES[table]} until {until:%Y-%m-%dT%H:%M:%SZ}")
        self.holder = holder


def take(con: duckdb.DuckDBPyConnection, holder: str, now: datetime, until: datetime, table: str) -> None:
    """Inside a transaction; LeaseHeld where another's is still good.

    Of two that take it at once, one fails its commit.
    """
    held, end = _row(con, table)
    if held not in ("", holder) and end > now:
        raise LeaseHeld(table, held, end)
    con.execute(f"UPDATE {table} SET holder = $holder, until = $until", {"holder": holder, "until": until})


def keep(con: duckdb.DuckDBPyConnection, holder: str, until: datetime, table: str) -> None:
    """Inside the transaction of a step; LeaseHeld where it was taken over: the step commits nothing."""
    held, end = _row(con, table)
    if held != holder:
        raise LeaseHeld(table, held, end)
    con.execute(f"UPDATE {table} SET until = $until", {"until": until})


def release(con: duckdb.DuckDBPyConnection, holder: str, table: str) -> None:
    con.execute(f"UPDATE {table} SET holder = '' WHERE holder = $holder", {"holder": holder})


def _row(con: duckdb.DuckDBPyConnection, table: str) -> tuple[str, datetime]:
    row = con.execute(f"SELECT holder, until FROM {table}").fetchone()
    assert row is not None, "the lease's row is made with its table"
    return row[0], row[1]


def swept(con: duckdb.DuckDBPyConnection) -> datetime:
    """When files that no commit knows were last looked for."""
    row = con.execute(f"SELECT swept FROM {MAINTENANCE}").fetchone()
    assert row is not None, "the lease's row is made with its table"
    found: datetime = row[0]
    return found


def sweep(con: duckdb.DuckDBPyConnection, now: datetime) -> None:
    con.execute(f"UPDATE {MAINTENANCE} SET swept = $now", {"now": now})
