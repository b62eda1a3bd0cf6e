"""Earlier steps of ladders, as the ledger has them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PastStep:
    """One step in one namespace; times are UTC without zone."""

    action_id: str
    kind: str
    cluster: str
    namespace: str
    rule: str
    """Name of the ladder."""
    state: str
    """Its newest state."""
    acted_at: datetime | None
    """When the cluster was, or may have been, changed; None where it certainly was not."""
    ended_at: datetime | None
    """When it was put back."""
    by_hand: bool
    """Whether a person put it back."""

    @property
    def open(self) -> bool:
        """Something was, or may have been, changed and is not put back."""
        return self.acted_at is not None and self.ended_at is None


def followed(history: Iterable[PastStep], newer: Iterable[PastStep]) -> tuple[PastStep, ...]:
    """The history with the newer states of its steps in their places, and new steps at its end."""
    states = {past.action_id: past for past in newer}
    known = [states.pop(past.action_id, past) for past in history]
    return (*known, *states.values())
