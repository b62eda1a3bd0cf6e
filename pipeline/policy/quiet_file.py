"""Quiet hours as the policy file writes them."""

from __future__ import annotations

from datetime import time
from zoneinfo import ZoneInfo

from pipeline.errors import ConfigError
from pipeline.policy.quiet import DAYS, QuietHours
from pipeline.sections import Section


def quiet_hours(section: Section) -> tuple[QuietHours, ...]:
    """Those of the mapping; none where it names none.  Raises ConfigError."""
    if not section.has("quiet_hours"):
        return ()
    rows = section.sequence("quiet_hours")
    return tuple(_one(Section(f"{section.key('quiet_hours')}[{i}]", r)) for i, r in enumerate(rows))


def _one(section: Section) -> QuietHours:
    found = QuietHours(
        days=_days(section),
        start=_clock(section, "from"),
        until=_clock(section, "to"),
        zone=_zone(section),
    )
    section.done()
    return found


def _days(section: Section) -> tuple[str, ...]:
    if not section.has("days"):
        return DAYS
    for day in section.sequence("days"):
        if day not in DAYS:
            raise ConfigError(section.key("days"), day, f"write any of {', '.join(DAYS)}")
    return tuple(d for d in DAYS if d in section.sequence("days"))


def _clock(section: Section, name: str) -> int:
    text = section.text(name)
    try:
        found = time.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            section.key(name), text, 'write a time of day in quotes, such as "22:00"'
        ) from error
    if found.tzinfo is not None:
        raise ConfigError(section.key(name), text, "write the zone as zone: Europe/Berlin")
    return found.hour * 60 + found.minute


def _zone(section: Section) -> str:
    text = section.text("zone", "UTC")
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigError(section.key("zone"), text, "write an IANA zone such as Europe/Berlin") from error
    return text
