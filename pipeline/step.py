"""The account of one step: what became of every message and offset that was handed over."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Step:
    """What one call of `step` took in: messages = taken + duplicates, taken = stored + refused + letters."""

    taken: int = 0
    duplicates: int = 0
    repeated: int = 0
    """Of the duplicates, those at a new offset: their source had sent them before."""
    stored: int = 0
    """Messages of which at least a row was taken."""
    refused: int = 0
    """Messages of which nothing was taken."""
    letters: int = 0
    """Dead letters: refused messages that were counted when they were refused."""
    skipped: int = 0
    """Offsets without a message."""
    offsets: int = 0
    """How far the partitions moved."""
    gaps: Counter[str] = field(default_factory=Counter)
    """Losses found, by kind."""
    events: Counter[str] = field(default_factory=Counter)
    """Good rows by event type."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Refused messages and rows by reason."""
    facts: Counter[str] = field(default_factory=Counter)
    """Fact rows written, by table."""

    @property
    def unexplained(self) -> int:
        """Offsets moved over of which it is not known what they held: 0, or a fault."""
        return self.offsets - self.stored - self.refused - self.letters - self.repeated - self.skipped

    def add(self, other: Step) -> None:
        for name in self.__dataclass_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            else:
                setattr(self, name, mine + theirs)
