"""One maintainer's turn at a ledger: its lease, kept alive from step to step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import duckdb

from pipeline.lake import lease
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Store


@dataclass(frozen=True, slots=True)
class Shift:
    """Who maintains what, since when (UTC without a zone)."""

    store: Store
    started: datetime
    settings: MaintenanceSettings
    holder: str
    _clock: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> datetime:
        """The start, plus what this process's own clock says has passed since."""
        return self.started + timedelta(seconds=time.monotonic() - self._clock)

    @property
    def until(self) -> datetime:
        return self.now + timedelta(seconds=self.settings.lease_seconds)

    def begin(self) -> None:
        """Raises LeaseHeld where somebody else is at it."""
        with self.store.transaction() as con:
            lease.take(con, self.holder, self.now, self.until)

    def end(self) -> None:
        with self.store.transaction() as con:
            lease.release(con, self.holder)

    @contextmanager
    def change(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction that commits only while the lease is ours: whoever was paused changes nothing."""
        with self.store.transaction() as con:
            lease.keep(con, self.holder, self.until)
            yield con

    @contextmanager
    def compaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction for compaction, which the lake does not let change anything else.

        It changes no answer and fails where another touched the same files, so the lease is only looked at.
        """
        with self.change():
            pass
        with self.store.transaction() as con:
            yield con
