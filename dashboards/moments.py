"""Times as a reader sees them: minutes of UTC, and how long ago."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pipeline.answers.cells import people


def minute(moment: datetime, zone: ZoneInfo | None = None) -> str:
    """In the zone, with its offset; in UTC where there is none."""
    if zone is None or zone.key == "UTC":
        return people("time", moment)
    return f"{moment.replace(tzinfo=UTC).astimezone(zone):%Y-%m-%d %H:%M%z}"


def age(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that says it."""
    seconds = int((now - moment).total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"
