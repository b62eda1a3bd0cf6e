"""What became of each object that a turn read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from collectors.live.allocation.book import Row
from pipeline.events import Rejected


@dataclass(slots=True)
class Account:
    read: int = 0
    used: int = 0
    excluded: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    gaps: list[Row] = field(default_factory=list)

    def refuse(self, why: str | Rejected) -> None:
        """One device of a claim that gives no row."""
        self.read += 1
        if isinstance(why, Rejected):
            self.rejected.append(why)
        else:
            self.excluded[why] += 1
