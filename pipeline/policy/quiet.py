"""Quiet hours: times of the week in which nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of day to another, beginning on these days; over midnight where `until` is not later."""

    days: tuple[str, ...]
    start: int
    """Minutes after midnight, as `until`."""
    until: int
    zone: str
    """IANA name: the clock that people there look at, summer time included."""

    def hold(self, now: datetime) -> bool:
        """Whether `now`, UTC without zone, is within."""
        local = now.replace(tzinfo=UTC).astimezone(ZoneInfo(self.zone))
        clock, today = local.hour * 60 + local.minute, DAYS[local.weekday()]
        yesterday = DAYS[(local - timedelta(days=1)).weekday()]
        if self.start < self.until:
            return today in self.days and self.start <= clock < self.until
        return (today in self.days and clock >= self.start) or (yesterday in self.days and clock < self.until)

    @property
    def words(self) -> str:
        clocks = [f"{m // 60:02}:{m % 60:02}" for m in (self.start, self.until)]
        return f"{','.join(self.days)} {' to '.join(clocks)} {self.zone}"


def quiet(hours: Sequence[QuietHours], now: datetime) -> tuple[bool, str]:
    """(Not quiet, in words)."""
    found = next((h for h in hours if h.hold(now)), None)
    return found is None, f"quiet hours: {found.words}" if found else f"{len(hours)} quiet hours, none is now"
