"""What the ledger knows of a target: earlier actions on it, and the journal of the versions it served."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.policy.decisions import PastAction
from pipeline.policy.journal import Journal, Served, TargetState
from pipeline.store import Store


def past_actions(store: Store) -> tuple[PastAction, ...]:
    """Every action that was approved or went further, oldest first."""
    return tuple(PastAction(**row) for row in store.query("actions_history").to_pylist())


def journal(
    store: Store, model: str, triggers: Iterable[str], min_count: int, target: TargetState | None
) -> Journal:
    """The journal of a model at the store's snapshot; `triggers` are the detectors of proven harm."""
    rows = store.query("journal_served", model=model, triggers=list(triggers), min_count=min_count)
    served = tuple(Served(**row) for row in rows.to_pylist())
    return Journal(store.snapshot(), served, target)
