"""How a lake is opened: for reading what is there, or for writing, after which every table is there."""

from __future__ import annotations

import random
import time

import duckdb

from pipeline.errors import ConfigError, NotFound, StoreUnavailable
from pipeline.lake import moved, older, tables
from pipeline.lake.connect import connect
from pipeline.lake.failures import is_conflict, named
from pipeline.lake.location import Location, hidden
from pipeline.lake.lock import write_lock

_ATTEMPTS = 30
_PAUSE_SECONDS = 0.2


def read(location: Location, snapshot: int | None) -> tuple[duckdb.DuckDBPyConnection, tuple[str, ...]]:
    """And the views that it has of its own.

    Raises NotFound for no ledger or no such snapshot, StoreUnavailable where its database is away."""
    try:
        con = connect(location, read_only=True, snapshot=snapshot)
        return con, older.complete(con)
    except duckdb.Error as error:
        if "unable to connect" in str(error).lower():
            raise StoreUnavailable(f"the ledger {location} is not available: {_first(error)}") from error
        raise NotFound(f"the ledger in {location} cannot be read: {_first(error)}") from error


def write(location: Location) -> duckdb.DuckDBPyConnection:
    """Raises ConfigError where its folder is a file, StoreUnavailable where database or disk is away."""
    for attempt in range(_ATTEMPTS):
        try:
            return _write(location)
        except duckdb.Error as error:
            if not is_conflict(error) or attempt == _ATTEMPTS - 1:
                raise named(error, location) or error from error
            # Several workers that start on an empty database all create the same tables.
            time.sleep(random.uniform(0, _PAUSE_SECONDS))
        except (FileExistsError, NotADirectoryError) as error:
            raise ConfigError("store.folder", str(location), "a file stands there; name a folder") from error
        except OSError as error:
            raise StoreUnavailable(f"the ledger {location} is not available: {error}") from error
    raise AssertionError("the last attempt raises or returns")


def _write(location: Location) -> duckdb.DuckDBPyConnection:
    for folder in location.local:
        folder.mkdir(parents=True, exist_ok=True)
    with write_lock(location):
        con = connect(location, read_only=False, snapshot=None)
        try:
            settled = tables.create(con)
            if not settled:
                moved.settle(con)
        except BaseException:
            con.close()
            raise
        if settled:
            return con
        con.close()  # one that is opened now heeds what was settled
        return connect(location, read_only=False, snapshot=None)


def _first(error: duckdb.Error) -> str:
    return hidden(next(iter(str(error).splitlines()), "no message"))
