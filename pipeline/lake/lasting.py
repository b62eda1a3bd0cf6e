"""What was read of one fact, kept in the process and read again only where rows of the fact were added."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Protocol

from pipeline.lake.changes import Added


class Ledger(Protocol):
    """What is asked of it: a name of what is read now, and what came since a state."""

    def state(self) -> str | None: ...

    def added(self, since: str, facts: Collection[str]) -> Added | None: ...


class Lasting:
    """Of one ledger."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, Any]] = {}
        """By name, and the newest state in which it is known to be so."""

    def of(self, ledger: Ledger, name: str, fact: str, read: Callable[[], Any]) -> Any:
        """What `read` gives now; `name` is of what it reads, which depends on rows of `fact` alone."""
        state, kept = ledger.state(), self._kept.get(name)
        if state is None:
            return read()
        if kept is None or (kept[0] != state and _moved_on(ledger, kept[0], fact)):
            kept = (state, read())
            if ledger.state() != state:  # somebody committed just then
                return kept[1]
        self._kept[name] = (state, kept[1])
        return kept[1]


def _moved_on(ledger: Ledger, since: str, fact: str) -> bool:
    added = ledger.added(since, (fact,))
    return added is None or bool(added.tables)
