"""One maintainer's turn at a ledger, as its settings say."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import duckdb

from pipeline.errors import StaleWatermark
from pipeline.lake.lease import MAINTENANCE
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Store
from pipeline.turn import Turn

ATTEMPTS = 20
"""A commit of a writer to the same table comes first that often before a change waits for the next round."""
PAUSE_SECONDS = 0.2

Done = TypeVar("Done")


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

    def changed(self, act: Callable[[duckdb.DuckDBPyConnection], Done]) -> Done | None:
        """What `act` gives in a transaction of its own; None where writers came first each time."""
        for _ in range(ATTEMPTS):
            try:
                with self.turn.change() as con:
                    return act(con)
            except StaleWatermark:  # apart by chance, or both would come at the same moment again
                time.sleep(random.uniform(0, PAUSE_SECONDS))
        return None

    @contextmanager
    def compaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction for compaction, which the lake does not let change anything else.

        It changes no answer and fails where another touched the same files, so the lease is only looked at.
        """
        self.turn.goes_on()
        with self.store.transaction() as con:
            yield con
