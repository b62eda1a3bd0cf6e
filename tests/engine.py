"""What makes the ledgers of tests cheap: one thread for their queries, and an empty one that is copied.

Only in the processes of pytest: a process that a test starts opens its ledger as a user's does.  In the last
line of `make soak` all do.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import duckdb
import pytest

from pipeline.lake import opening, session
from pipeline.lake.location import Location


@pytest.fixture(scope="session", autouse=True)
def cheap_ledgers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`-n 3` has both cores in use already, and to make a ledger's tables takes longer than to fill them."""
    if os.environ.get("HYPOTHESIS_PROFILE", "default") != "default":
        yield
        return
    make = opening._write
    empty = Location(tmp_path_factory.mktemp("empty"))

    def copied(location: Location) -> duckdb.DuckDBPyConnection:
        if not location.is_shared and not location.sqlite.exists():
            _copy(empty.sqlite, location.sqlite)
        return make(location)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "SHARED_FROM_ROWS", sys.maxsize)
        make(empty).close()
        patch.setattr(opening, "_write", copied)
        yield


def _copy(from_: Path, to: Path) -> None:
    """Whole or not at all: two threads that open a new ledger at once get the same one."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=to.parent) as part, suppress(FileExistsError):
        shutil.copyfile(from_, part.name)
        os.link(part.name, to)
