"""What an error of the lake means: another writer was first, the world is not ready, or we are wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from pipeline.errors import DriftledgerError, StaleWatermark, StoreUnavailable
from pipeline.lake.location import Location, hidden

WORLD = (duckdb.OperationalError, duckdb.InternalError, duckdb.FatalException)
"""Errors of the servers, the disk or the engine; of the others all but the nameless are our mistake."""

_CONFLICTS = ("conflict", "could not serialize", "duplicate key", "deadlock detected", "already exists")
"""What the catalogs say where two writers met."""


_FULL = (
    "disk i/o error", "disk is full", "no space left", "file too large", "disk quota exceeded",
)  # fmt: skip
"""How the catalog and the files say that something could not be written, on a line of its own."""

_BREAKS = (duckdb.InternalError, duckdb.FatalException)
"""After these DuckDB answers nothing on that connection any more, whatever the words of the error are."""


def is_conflict(error: duckdb.Error) -> bool:
    if isinstance(error, _BREAKS):
        return False
    text = str(error).lower()
    return _is_of_the_world(error) and any(words in text for words in _CONFLICTS)


def named(error: duckdb.Error, location: Location) -> DriftledgerError | None:
    """The error that a caller can act on; None where it is the question that was wrong."""
    if not _is_of_the_world(error):
        return None
    lines = str(error).splitlines() or ["no message"]
    if is_conflict(error):
        return StaleWatermark(f"another writer committed first: {hidden(lines[0])}")
    full = next((line for line in lines if any(words in line.lower() for words in _FULL)), None)
    remedy = "; is the disk full? Free some space, and run it again" if full else ""
    return StoreUnavailable(f"the ledger {location} is not available: {hidden(full or lines[0])}{remedy}")


_CUT_OFF = "unsuccessful query result"
"""A server that dies while it answers is told as a wrong use of the answer."""


def _is_of_the_world(error: duckdb.Error) -> bool:
    nameless = type(error) is duckdb.Error  # what PostgreSQL says comes nameless
    return isinstance(error, WORLD) or nameless or _CUT_OFF in str(error)


def check_space(location: Location) -> None:
    """Raises StoreUnavailable where a local disk has less free than the location asks for."""
    for folder in location.local if location.min_free_bytes else ():
        _check(folder, location.min_free_bytes)


def _check(folder: Path, least: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < least:
        raise StoreUnavailable(
            f"{free:,} bytes are free in {folder} and store.min_free_bytes is {least:,}: nothing is written; "
            "free some space, and taking goes on by itself"
        )
