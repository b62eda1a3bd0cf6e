"""How often a CronJob runs in a month: its schedule counted over a year."""

from __future__ import annotations

import re
from datetime import date, timedelta
from fractions import Fraction

from pipeline.errors import ConfigError

_NAMED = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_PART = re.compile(r"(\*|\?|\d{1,2})(?:-(\d{1,2}))?(?:/(\d{1,2}))?")
_NAMES = {
    name: str(i)
    for names, first in (
        ("jan feb mar apr may jun jul aug sep oct nov dec", 1),
        ("sun mon tue wed thu fri sat", 0),
    )
    for i, name in enumerate(names.split(), first)
}
_YEAR = 2026


def runs_a_month(schedule: str) -> Fraction:
    """A twelfth of its runs in a year; ConfigError for what is no schedule."""
    words = _NAMED.get(schedule.strip().lower(), schedule).lower().split()
    if words and words[0].startswith(("tz=", "cron_tz=")):
        words = words[1:]
    if len(words) != 5:
        raise _wrong(schedule)
    try:
        minutes, hours, days, months, weekdays = map(_values, words, _RANGES)
    except ValueError as error:
        raise _wrong(schedule) from error
    weekdays = {day % 7 for day in weekdays}
    either = not words[2].startswith(("*", "?")) and not words[4].startswith(("*", "?"))
    runs = 0
    for n in range(365):
        day = date(_YEAR, 1, 1) + timedelta(days=n)
        fits = [day.day in days, (day.weekday() + 1) % 7 in weekdays]
        if day.month in months and (any(fits) if either else all(fits)):
            runs += len(minutes) * len(hours)
    return Fraction(runs, 12)


def _values(text: str, bounds: tuple[int, int]) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(re.sub(r"[a-z]+", lambda name: _NAMES.get(name[0], name[0]), part))
        if match is None:
            raise ValueError(part)
        start, end, step = match.groups()
        first = bounds[0] if start in "*?" else int(start)
        last = int(end) if end else bounds[1] if start in "*?" or step else first
        if not bounds[0] <= first <= last <= bounds[1] or step == "0":
            raise ValueError(part)
        found |= set(range(first, last + 1, int(step or 1)))
    return found


def _wrong(schedule: str) -> ConfigError:
    return ConfigError("schedule", schedule, 'write five fields such as "0 2 * * *"')
