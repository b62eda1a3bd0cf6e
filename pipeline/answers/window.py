"""The window of a question: a half-open span of UTC time, and the words that name one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipeline.errors import ConfigError

KEY = "--window"
REMEDY = (
    "write a span back from now (90m, 24h, 7d, 4w), today, yesterday, month, lastmonth, a day 2026-10-01, "
    "a month 2026-10, or START..END such as 2026-10-01..2026-11-01 or "
    "2026-10-01T08:00Z..2026-10-01T09:30Z (UTC unless an offset is given, end excluded, whole minutes)"
)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": timedelta(weeks=1)}
_RELATIVE = re.compile(r"(\d{1,6})([mhdw])")
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Window:
    """[start, end), UTC without a zone."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{_text(self.start)}..{_text(self.end)}"

    def from_whole_hour(self) -> Window:
        """It, with the beginning of its first hour."""
        return Window(self.start.replace(minute=0, second=0, microsecond=0), self.end)


def parse_window(text: str, now: datetime, *, hours: bool = False) -> Window:
    """The window that `text` names; `now` (UTC, with or without a zone) closes the ones that lead up to it.

    A window that leads up to now holds the present minute whole, since facts are minutes.  With `hours` one
    that is counted back from now starts with a whole hour.
    Raises ConfigError for anything else than the words of REMEDY.
    """
    words = text.strip().lower()
    try:
        window = _parse(words, naive_utc(now))
        if hours and _RELATIVE.fullmatch(words):
            window = window.from_whole_hour()
    except (ValueError, OverflowError) as error:
        raise ConfigError(KEY, text, REMEDY) from error
    if window.start >= window.end:
        raise ConfigError(KEY, text, "the end must be after the start; " + REMEDY)
    if any(t.second or t.microsecond for t in (window.start, window.end)):
        raise ConfigError(KEY, text, "facts are minutes, so a window is made of whole minutes; " + REMEDY)
    return window


def naive_utc(time: datetime) -> datetime:
    """The same instant as UTC without a zone; a time without a zone is UTC already."""
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)


def month(year: int, number: int) -> Window:
    """A calendar month of UTC; ValueError or OverflowError where there is no such month, or none after it."""
    start = datetime(year, number, 1)
    return Window(start, _next_month(start))


def _parse(words: str, now: datetime) -> Window:
    end = now.replace(second=0, microsecond=0) + MINUTE
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    first = today.replace(day=1)
    if relative := _RELATIVE.fullmatch(words):
        return Window(end - int(relative[1]) * _UNITS[relative[2]], end)
    match words:
        case "today":
            return Window(today, end)
        case "yesterday":
            return Window(today - DAY, today)
        case "month":
            return Window(first, end)
        case "lastmonth":
            return Window((first - DAY).replace(day=1), first)
    if ".." in words:
        start_text, end_text = words.split("..", 1)
        return Window(_instant(start_text), _instant(end_text))
    if _MONTH.fullmatch(words):
        start = _instant(words)
        return Window(start, _next_month(start))
    if _DAY.fullmatch(words):
        start = _instant(words)
        return Window(start, start + DAY)
    raise ValueError(words)


def _instant(text: str) -> datetime:
    """A month, a day or an RFC 3339 time, as its first instant."""
    text = text.strip()
    if found := _MONTH.fullmatch(text):
        return datetime(int(found[1]), int(found[2]), 1)
    if not _DAY.match(text):
        raise ValueError(text)
    return naive_utc(datetime.fromisoformat(text.upper()))


def _next_month(first: datetime) -> datetime:
    return (first + timedelta(days=31)).replace(day=1)


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%d" if time.time() == time.min.time() else "%Y-%m-%dT%H:%MZ")
