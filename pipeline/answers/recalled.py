"""What a question found out about a ledger that is as it was then: kept beside it, a file a question."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.lake.parts import Parts
from pipeline.store import Store

_PROGRAM = Path(__file__).parents[1]
_FOLDERS = ("answers", "facts", "lake", "ownership", "prices", "settings", "sql", "wire")
"""Of the program, what an answer of cost can follow from."""


def digest(content: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()


class Recalled:
    """The words of one question, and what was found then, where nothing was committed since; else nothing."""

    def __init__(self, store: Store, *question: object) -> None:
        self._parts = Parts.of(store.location)
        self._name = digest([_code(), *map(repr, question)])
        kept = self._parts.note(self._name)
        self._state = store.state() if kept else None
        self._store = store
        self.found: dict[str, Any] | None = (
            kept["found"] if kept and kept["state"] == self._state and self._state else None
        )

    def keep(self, **found: Any) -> None:
        """For whoever asks next, unless something is read here that is not committed."""
        if state := self._state or self._store.state():
            self._parts.write_note(self._name, {"state": state, "found": found})


@cache
def _code() -> str:
    """Which program this is: a release that reads a price otherwise must find its days by itself."""
    found = hashlib.sha256()
    for folder in _FOLDERS:
        for path in sorted(path for path in (_PROGRAM / folder).iterdir() if path.is_file()):
            found.update(path.read_bytes())
    return found.hexdigest()
