"""The hash of a closed month: over what it was computed from, every charge, and the month before it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256

from pipeline.months import frozen
from pipeline.months.charge import Charge, text
from pipeline.months.draft import Draft

SCHEMA = "driftledger.month/2"
"""The first had no time, program and actor; it is as valid as it was."""


def header(
    draft: Draft, previous: str, accepted: Sequence[str], time: datetime, program: str, actor: str
) -> str:
    """What is hashed before the charges, one line of JSON."""
    content = {
        "schema": SCHEMA,
        "month": f"{draft.month.start:%Y-%m}",
        "currency": draft.inputs.currency,
        "snapshot": draft.snapshot,
        "previous": previous,
        "price_book": draft.inputs.prices.version,
        "rule": draft.rule,
        "owners": draft.inputs.owners.version,
        "terms": draft.inputs.terms.version,
        "inputs": sha256(frozen.dump(draft.inputs).encode()).hexdigest(),
        "completeness": None if draft.completeness is None else f"{draft.completeness:f}",
        "accepted": list(accepted),
        "time": time.isoformat(),
        "program": program,
        "actor": actor,
    }
    return _line(content)


def digest(head: str, charges: Iterable[Charge]) -> str:
    """SHA-256 of the header and of a line for each charge, in their order."""
    found = sha256(head.encode() + b"\n")
    for charge in sorted(charges, key=lambda c: c.order):
        found.update(_line(text(charge)).encode() + b"\n")
    return found.hexdigest()


def _line(content: object) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
