"""Times as sources write them, in microseconds since 1970 UTC."""

from __future__ import annotations

from datetime import datetime

SECOND = 1_000_000


def micros(value: object) -> int | None:
    """Of an RFC 3339 text with a zone; None for anything else."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        return round(at.timestamp() * SECOND) if at is not None and at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
