"""Times as a reader sees them: minutes of UTC, and how long ago."""

from __future__ import annotations

from datetime import datetime

from pipeline.answers.cells import people


def minute(moment: datetime) -> str:
    return people("time", moment)


def age(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that says it."""
    seconds = int((now - moment).total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"
