"""What a replayed file came to: an account that balances, or says that it does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from collectors.parsed import Parsed
from pipeline.events import Message, decode
from pipeline.step import Step


@dataclass(slots=True)
class Outcome:
    """read = used + excluded + rejected, and rows handed over = rows taken + refused + already there."""

    files: tuple[str, ...]
    read: int = 0
    used: int = 0
    excluded: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    """Units that the parser refused, by reason."""
    lost: int = 0
    """Events that the source says it lost before they were written."""
    handed: int = 0
    """Event rows handed to the ledger."""
    taken: Counter[str] = field(default_factory=Counter)
    """Event rows that entered the ledger now, by type."""
    refused: Counter[str] = field(default_factory=Counter)
    """Rows that the ledger refused, by reason."""
    duplicates: int = 0
    """Rows that the ledger had already."""
    refused_before: Counter[str] = field(default_factory=Counter)
    """Rows that the ledger refused when it was given them before, by reason."""
    facts: Counter[str] = field(default_factory=Counter)
    """Fact rows written, by table."""

    @classmethod
    def of(cls, files: tuple[str, ...], parsed: Parsed) -> Outcome:
        lost = sum(n for n in parsed.gaps["lost"].to_pylist() if n is not None)
        reasons = Counter(r.reason for r in parsed.rejected)
        return cls(files, parsed.read, parsed.used, Counter(parsed.excluded), reasons, lost)

    @property
    def balanced(self) -> bool:
        units = self.used + self.excluded.total() + self.rejected.total()
        arrived = self.taken.total() + self.refused.total() + self.duplicates
        return self.read == units and self.handed == arrived

    @property
    def already(self) -> bool:
        """Whether nothing in it was new to the ledger."""
        return self.duplicates > 0 and self.duplicates == self.handed

    @property
    def some_refused(self) -> bool:
        """Whether anything of it is not in the facts, now or since an earlier time."""
        return bool(self.rejected or self.refused or self.refused_before)

    def count(self, rows: int, step: Step) -> None:
        """Add what became of `rows` event rows that went into the ledger in one step."""
        self.facts.update(step.facts)
        if step.taken:
            self.taken.update(step.events)
            self.refused.update(step.rejected)
        else:
            self.duplicates += rows

    def count_known(self, batch: Iterable[Message], step: Step) -> None:
        """Add what was refused of messages that the ledger had already, which it does not look into again."""
        if step.duplicates:
            found = Counter(r.reason for message in batch for r in decode(message).rejected)
            self.refused_before.update(found - step.rejected)
