"""The text in every statement file that says which statement it is: what `report verify` reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from reports.statement import Statement

_MONTH = rb"[1-9]\d{3}-(?:0[1-9]|1[0-2])"
_FORM = re.compile(rb"driftledger-statement/1 (%s) (all|[0-9a-f]{12}) ([0-9a-f]{64}|open)" % _MONTH)


@dataclass(frozen=True, slots=True)
class Marker:
    month: datetime
    of: str
    """all, or the digest of a team's name."""
    hash: str


def marker(statement: Statement) -> str:
    of = team(statement.of) if statement.of else "all"
    return f"driftledger-statement/1 {statement.month.start:%Y-%m} {of} {statement.hash or 'open'}"


def team(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:12]


def find(content: bytes) -> Marker | None:
    """The first in a file's bytes."""
    found = _FORM.search(content)
    if found is None:
        return None
    month, of, own = (part.decode() for part in found.groups())
    return Marker(datetime.strptime(month, "%Y-%m"), of, own)
