"""One writer at a time in the folder of a lake."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "write.lock"


@contextmanager
def write_lock(folder: Path) -> Iterator[None]:
    """Waits for its turn: a SQLite catalog answers `database is locked` to the second."""
    with (folder / LOCK).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
