"""What a question found out about a state of the ledger: kept beside it, a file a question.

Questions that differ in the minutes of their window alone share a file, which has the newest: who asks for
all until now asks for another window each minute, and would leave a file a minute.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.answers.window import Window
from pipeline.lake.parts import Parts
from pipeline.store import Store

_PROGRAM = Path(__file__).parents[1]
_FOLDERS = ("answers", "facts", "lake", "ownership", "prices", "settings", "sql", "wire")
"""Of the program, what an answer of cost can follow from."""


def digest(content: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()


class Recalled:
    """One question: what was found out when it was asked last, and of which state of the ledger."""

    def __init__(self, store: Store, window: Window | None, *question: object) -> None:
        self._store, self._parts = store, Parts.of(store.location)
        self._name = digest([_code(), *map(repr, (_days(window), *question))])
        kept = self._parts.note(self._name) or {}
        self.said_of: str | None = kept.get("said_of")
        self.found: dict[str, Any] | None = kept.get("found")

    def keep(self, **found: Any) -> None:
        """For whoever asks next, unless something is read here that is not committed."""
        if state := self._store.state():
            self._parts.write_note(self._name, {"said_of": state, "found": found})


def _days(window: Window | None) -> tuple[date, date] | None:
    """The first and last day of which something was asked."""
    return None if window is None else (window.start.date(), (window.end - timedelta.resolution).date())


@cache
def _code() -> str:
    """Which program this is: a release that reads a price otherwise must find its days by itself."""
    found = hashlib.sha256()
    for folder in _FOLDERS:
        for path in sorted(path for path in (_PROGRAM / folder).iterdir() if path.is_file()):
            found.update(path.read_bytes())
    return found.hexdigest()
