"""A door at which the process ends: the crash of a collector, at the place that a test chooses."""

from __future__ import annotations

from collections.abc import Sequence

from collectors.live.contract import Watch
from pipeline.collect.doors import Ledger
from pipeline.events import Message


class Cut(Exception):
    """The process ends here."""


class CutDoor:
    """Breaks at the nth turn that has messages, before or after the ledger has it."""

    def __init__(self, ledger: Ledger, at: int, after: bool) -> None:
        self.ledger, self.at, self.after, self.turns = ledger, at, after, 0

    def keep(self, messages: Sequence[Message], watch: Watch) -> bool:
        self.turns += 1
        if self.turns == self.at and not self.after:
            raise Cut
        kept = self.ledger.keep(messages, watch)
        if self.turns == self.at:
            raise Cut
        return kept
