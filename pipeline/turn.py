"""A process's turn at what only one at a time is to do to a ledger: a lease, kept alive from step to step."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import duckdb

from pipeline.lake import lease
from pipeline.store import Store

IDENTITY = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
"""This process as a holder."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Who holds which lease, since when (UTC without a zone), and how many seconds a step of it may take."""

    store: Store
    table: str
    started: datetime
    seconds: float
    holder: str = IDENTITY
    _clock: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> datetime:
        """The start, plus what this process's own clock says has passed since."""
        return self.started + timedelta(seconds=time.monotonic() - self._clock)

    @property
    def until(self) -> datetime:
        return self.now + timedelta(seconds=self.seconds)

    def begin(self) -> None:
        """Raises LeaseHeld where somebody else is at it, StaleWatermark where another came first just now."""
        with self.store.transaction() as con:
            lease.take(con, self.holder, self.now, self.until, self.table)

    def goes_on(self) -> None:
        """The step that begins now has as long again; LeaseHeld where it was taken over."""
        with self.change():
            pass

    def end(self) -> None:
        with self.store.transaction() as con:
            lease.release(con, self.holder, self.table)

    @contextmanager
    def change(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction that commits only while the lease is ours: whoever was paused changes nothing."""
        with self.store.transaction() as con:
            lease.keep(con, self.holder, self.until, self.table)
            yield con
