"""Earlier actions as the ledger has them, for the gates of the next decision."""

from __future__ import annotations

from pipeline.decisions import PastAction
from pipeline.store import Store


def read(store: Store) -> tuple[PastAction, ...]:
    """Every action that was approved or went further, oldest first."""
    return tuple(PastAction(**row) for row in store.query("actions_history").to_pylist())
