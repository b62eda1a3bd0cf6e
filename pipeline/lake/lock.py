"""One writer at a time where a lake's catalog is a file."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.lake.location import Location

LOCK = "write.lock"


@contextmanager
def write_lock(location: Location) -> Iterator[None]:
    """Waits for its turn: a SQLite catalog answers `database is locked` to the second writer.

    PostgreSQL needs no turn: there the lake finds conflicts table by table when a transaction commits.
    """
    if location.is_shared:
        yield
        return
    with (location.folder / LOCK).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
