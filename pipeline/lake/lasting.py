"""What was read of one fact, kept in the process and read again only where rows of the fact were added."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from pipeline.lake.changes import Added


class Ledger(Protocol):
    """What is asked of it: a name of what is read now, and what came since a state."""

    def state(self) -> str | None: ...

    def added(self, since: str, facts: Collection[str]) -> Added | None: ...


class Lasting:
    """Of one ledger."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, Mapping[str, Any], Any]] = {}
        """By name, with the newest state in which it is known to be so, and what was asked with."""

    def of(
        self,
        ledger: Ledger,
        name: str,
        fact: str,
        read: Callable[[], Any],
        asked: Mapping[str, Any] | None = None,
    ) -> Any:
        """What `read` gives now; `name` is of what it reads, which depends on rows of `fact` and on what it
        is asked with alone.  Of one name what was asked last is kept."""
        state, kept, asked = ledger.state(), self._kept.get(name), asked or {}
        if state is None:
            return read()
        if kept is None or kept[1] != asked or (kept[0] != state and _moved_on(ledger, kept[0], fact)):
            kept = (state, asked, read())
            if ledger.state() != state:  # somebody committed just then
                return kept[2]
        self._kept[name] = (state, *kept[1:])
        return kept[2]


def _moved_on(ledger: Ledger, since: str, fact: str) -> bool:
    added = ledger.added(since, (fact,))
    return added is None or bool(added.tables)
