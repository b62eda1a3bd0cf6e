"""What the simulated API server is told to do wrong, what it denies, and the log of what it was asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal, NamedTuple

FaultKind = Literal["conflict", "forbidden", "server_error", "timeout_after_success", "timeout"]


class AuditEntry(NamedTuple):
    """One authenticated request."""

    verb: str
    path: str
    dry_run: bool


@dataclass(slots=True)
class Fault:
    """The next `times` requests of `verb` go wrong in this way; `dry_run` None matches both."""

    kind: FaultKind
    verb: str
    dry_run: bool | None = None
    times: int = 1


class Behaviour:
    """Shared by the server's threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._denied: set[tuple[str, str]] = set()
        self._faults: list[Fault] = []
        self._audit: list[AuditEntry] = []

    def deny(self, verb: str, resource: str) -> None:
        """This account may no longer do so; access reviews and requests agree."""
        with self._guard:
            self._denied.add((verb, resource))

    def denied(self, verb: str, resource: str) -> bool:
        with self._guard:
            return (verb, resource) in self._denied

    def inject(self, fault: Fault) -> None:
        with self._guard:
            self._faults.append(fault)

    def strike(self, verb: str, dry_run: bool) -> FaultKind | None:
        """The fault of this request, used up by it."""
        with self._guard:
            for fault in self._faults:
                if fault.times > 0 and fault.verb == verb and fault.dry_run in (None, dry_run):
                    fault.times -= 1
                    return fault.kind
        return None

    def record(self, entry: AuditEntry) -> None:
        with self._guard:
            self._audit.append(entry)

    @property
    def audit(self) -> tuple[AuditEntry, ...]:
        with self._guard:
            return tuple(self._audit)
