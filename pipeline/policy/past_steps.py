"""Earlier steps of ladders, as the ledger has them."""

from __future__ import annotations

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
