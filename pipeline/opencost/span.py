"""OpenCost's windows and steps: the words of its parameters as spans of UTC time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from pipeline.answers.window import DAY, MINUTE, Window, naive_utc
from pipeline.errors import ConfigError

HOUR = timedelta(hours=1)
WEEK = 7 * DAY
MOST_SETS = 1_500
"""Sets of one answer where they begin at whole hours: 62 days by the hour."""
MOST_ODD_SETS = 24
"""Where they do not, each is a question of its own."""

WINDOW_REMEDY = (
    "write 7d, 24h, 90m, 2w, today, yesterday, week, month, lastweek, lastmonth, or a start and an end with "
    "a comma between, both RFC 3339 (2026-10-01T00:00:00Z,2026-10-08T00:00:00Z) or both Unix seconds"
)
STEP_REMEDY = "write hour, day, week, month, quarter, or a duration such as 6h or 1d, of whole minutes"

_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}
_LENGTH = re.compile(r"(\d{1,6})([mhdw])")
CALENDAR = ("hour", "day", "week", "month", "quarter")
_FIXED = {"hour": HOUR, "day": DAY}


def parse_window(text: str, now: datetime) -> Window:
    """The window; days and weeks back are whole days with today as the last, as OpenCost counts them.

    It is widened to whole minutes: the answer says which it was.  Raises ConfigError.
    """
    try:
        start, end = _parse(text.strip(), naive_utc(now))
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigError("window", text, WINDOW_REMEDY) from error
    window = Window(_down(start, MINUTE), _up(end, MINUTE))
    if window.start >= window.end:
        raise ConfigError("window", text, "the end must be after the start; " + WINDOW_REMEDY)
    return window


def whole_hours(window: Window) -> Window:
    return Window(_down(window.start, HOUR), _up(window.end, HOUR))


def _parse(text: str, now: datetime) -> tuple[datetime, datetime]:
    today = _down(now, DAY)
    sunday = today - (today.weekday() + 1) % 7 * DAY
    first = today.replace(day=1)
    match text.lower():
        case "today":
            return today, now
        case "yesterday":
            return today - DAY, today
        case "week":
            return sunday, now
        case "lastweek":
            return sunday - WEEK, sunday
        case "month":
            return first, now
        case "lastmonth":
            return (first - DAY).replace(day=1), first
    if found := _LENGTH.fullmatch(text.lower()):
        end = now if found[2] in "mh" else today + DAY
        return end - int(found[1]) * _UNITS[found[2]], end
    first_text, last_text = text.split(",")
    return _instant(first_text.strip()), _instant(last_text.strip())


def _instant(text: str) -> datetime:
    if text.isascii() and text.isdigit():
        return datetime.fromtimestamp(int(text), UTC).replace(tzinfo=None)
    return naive_utc(datetime.fromisoformat(text.upper()))


def parse_step(text: str) -> timedelta | str:
    """A length, or the calendar's unit of that name; ConfigError for anything else."""
    word = text.strip().lower()
    if word in CALENDAR:
        return _FIXED.get(word, word)
    found = _LENGTH.fullmatch(word)
    if not found or not int(found[1]):
        raise ConfigError("step", text, STEP_REMEDY)
    return int(found[1]) * _UNITS[found[2]]


def cut(window: Window, step: timedelta | str | None) -> list[Window]:
    """The window in its sets, the last cut off at its end; ConfigError where they would be too many.

    A unit of the calendar is cut where the calendar turns, weeks on Sunday; None is one set.
    """
    if step is None:
        return [window]
    if isinstance(step, str):
        edges = _turns(window, step)
    else:
        count = -((window.start - window.end) // step)
        if count > MOST_SETS:
            raise ConfigError("step", f"{step}", f"{window} would make {count} sets, at most {MOST_SETS}")
        edges = [window.start + i * step for i in range(count)] + [window.end]
    sets = [Window(a, b) for a, b in pairwise(edges)]
    if len(sets) > MOST_ODD_SETS and any(s.start.minute for s in sets[1:]):
        remedy = f"{len(sets)} sets that begin within an hour, at most {MOST_ODD_SETS}; write whole hours"
        raise ConfigError("step", f"{step}", remedy)
    return sets


def _turns(window: Window, unit: str) -> list[datetime]:
    edges, time = [window.start], _next(window.start, unit)
    while time < window.end:
        edges.append(time)
        if len(edges) > MOST_SETS:
            raise ConfigError("step", unit, f"{window} would make over {MOST_SETS} sets")
        time = _next(time, unit)
    return [*edges, window.end]


def _next(time: datetime, unit: str) -> datetime:
    """The first turn of the calendar after it."""
    day = _down(time, DAY)
    match unit:
        case "hour":
            return _down(time, HOUR) + HOUR
        case "day":
            return day + DAY
        case "week":
            return day + (7 - (day.weekday() + 1) % 7) * DAY
    months = 1 if unit == "month" else 3 - (day.month - 1) % 3
    turned = day.year * 12 + day.month - 1 + months
    return datetime(turned // 12, turned % 12 + 1, 1)


def _down(time: datetime, unit: timedelta) -> datetime:
    return time - (time - datetime.min) % unit


def _up(time: datetime, unit: timedelta) -> datetime:
    return time + (datetime.min - time) % unit
