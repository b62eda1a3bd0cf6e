"""A connection to a lake that threads share, opened again by the next call after the world broke it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import duckdb

from pipeline.errors import StoreUnavailable
from pipeline.lake import failures, opening
from pipeline.lake.columns import largest
from pipeline.lake.location import Location

USES = 5_000
"""After so many a connection is opened anew: the lake's extension keeps what it learned of each state that it
has seen, some 16 KB, for as long as the connection lives."""
SHARED_FROM_ROWS = 200_000
"""Rows of the largest table from which all cores answer.  Of fewer to share the work costs more than the
work: a small question then takes twice the CPU, as one thread waits for another by spinning."""
_LOOK_EVERY = 100
"""Uses after which it is asked again how large the largest is."""


@dataclass(slots=True)
class Session:
    """Opened by `open`; `snapshot` and `threads` as Store.open takes them."""

    location: Location
    read_only: bool
    snapshot: int | None
    threads: int | None
    con: duckdb.DuckDBPyConnection | None = None
    views: tuple[str, ...] = ()
    """Statements that made those which are the connection's own."""
    steady: bool = False
    """Amid a reading of one snapshot, which a connection opened again would not go on with."""
    writing: bool = False
    """Amid a transaction, which sees what nobody else sees yet."""
    alone: bool = False
    """Whether one core is to answer what is asked now."""
    guard: threading.RLock = field(default_factory=threading.RLock)
    _uses: int = 0
    _within: int = 0
    _large: bool = False
    """Whether the largest table is, at the last look."""
    _look_at: int = 0
    _sharing: int | None = 1
    """How many cores answer, None is all: it stays so until a question wants another number, since a change
    ends or starts threads, which costs as much as a small question."""

    @contextmanager
    def connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection, opened again where it was lost; an error of the world is named and drops it."""
        with self.guard:
            if self.con is None:
                self.open()
            elif self._uses >= USES and self._idle:
                self._renew(self.con)
            assert self.con is not None
            self._uses += 1
            self._within += 1
            try:
                self._share(self.con)
                yield self.con
            except duckdb.Error as error:
                meaning = failures.named(error, self.location)
                if isinstance(meaning, StoreUnavailable):
                    self.drop()
                if meaning is not None:
                    raise meaning from error
                raise
            finally:
                self._within -= 1

    def _share(self, con: duckdb.DuckDBPyConnection) -> None:
        """Among as many cores as the question wants."""
        if self.threads is None and self._uses >= self._look_at and not self.steady:
            self._large = largest(con) >= SHARED_FROM_ROWS
            self._look_at = self._uses + _LOOK_EVERY
        wanted = 1 if self.alone or not (self.threads or self._large) else self.threads
        if wanted != self._sharing:
            con.execute("RESET threads" if wanted is None else f"SET threads = {wanted}")
            self._sharing = wanted

    @property
    def _idle(self) -> bool:
        """Whether nobody would miss the connection; a past state may be gone when it is asked for again."""
        return not self.steady and not self._within and self.snapshot is None

    def open(self) -> None:
        """Raises NotFound, StoreUnavailable or ConfigError as Store.open says."""
        if self.steady:
            raise StoreUnavailable("the connection was lost amid a reading of one snapshot; ask again")
        if self.read_only:
            self.con, self.views = opening.read(self.location, self.snapshot)
        else:
            self.con = opening.write(self.location)
        self._uses, self._look_at, self._large, self._sharing = 0, 0, False, 1

    def _renew(self, used: duckdb.DuckDBPyConnection) -> None:
        """The new one is there before the old one goes: who looks meanwhile sees no ledger that is away."""
        self.open()
        with suppress(duckdb.Error):
            used.close()

    def drop(self) -> None:
        lost, self.con = self.con, None
        if lost is not None:
            with suppress(duckdb.Error):
                lost.close()
