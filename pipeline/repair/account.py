"""What a retry came to, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.repair.refused import Place
from pipeline.repair.retry import Attempt

SHOWN = 10
"""Places that are named, of those that could not be read again."""


@dataclass(slots=True)
class Account:
    """tried = repaired + still refused + repaired by another + unread; one may be repaired in part."""

    tried: int = 0
    repaired: int = 0
    rows: int = 0
    """Event rows taken."""
    refused: int = 0
    """Messages of which nothing could be taken."""
    already: int = 0
    unread: list[Place] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    """What is wrong with the rest, by reason, in messages or rows."""

    @property
    def complete(self) -> bool:
        """Whether nothing stays refused."""
        return not (self.refused or self.unread or self.reasons)

    def add(self, attempts: Sequence[Attempt], taken: Sequence[Attempt]) -> None:
        """`taken` are those of the attempts that went into the ledger now."""
        good = [a for a in attempts if a.repaired]
        self.tried += len(attempts)
        self.repaired += len(taken)
        self.rows += sum(a.events.num_rows for a in taken)
        self.refused += len(attempts) - len(good)
        self.already += len(good) - len(taken)
        for a in attempts:
            self.reasons.update(a.reasons)

    def cannot_be_read(self, place: Place) -> None:
        self.tried += 1
        self.unread.append(place)

    def as_text(self, *, dry_run: bool = False) -> str:
        done = "could be repaired" if dry_run else "repaired"
        lines = [f"tried {self.tried:,} messages: {self.repaired:,} {done} ({self.rows:,} rows)"]
        if self.refused or self.reasons:
            reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(self.reasons.items()))
            lines.append(f"still refused: {self.refused:,} messages as a whole; by reason: {reasons}")
        if self.already:
            lines.append(f"repaired by somebody else meanwhile: {self.already:,}; try again for the rest")
        if self.unread:
            named = "; ".join(map(str, self.unread[:SHOWN])) + (" ..." if len(self.unread) > SHOWN else "")
            lines.append(
                f"not to be read again: {len(self.unread):,}, gone from the broker, or refused by a collector"
                f" before they were messages: {named}"
            )
        return "\n".join(lines)
