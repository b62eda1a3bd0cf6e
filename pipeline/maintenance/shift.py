"""One maintainer's turn at a ledger, as its settings say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from pipeline.lake.lease import MAINTENANCE
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Store
from pipeline.turn import Turn


@dataclass(frozen=True, slots=True)
class Shift:
    """Who maintains what, since when (UTC without a zone)."""

    store: Store
    started: datetime
    settings: MaintenanceSettings
    holder: str
    turn: Turn = field(init=False)

    def __post_init__(self) -> None:
        turn = Turn(self.store, MAINTENANCE, self.started, self.settings.lease_seconds, self.holder)
        object.__setattr__(self, "turn", turn)

    @contextmanager
    def compaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction for compaction, which the lake does not let change anything else.

        It changes no answer and fails where another touched the same files, so the lease is only looked at.
        """
        self.turn.goes_on()
        with self.store.transaction() as con:
            yield con
