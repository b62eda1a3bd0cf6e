"""Times and spans of recorded evidence as people read them; what is recorded stays as it is."""

from __future__ import annotations

import re

from pipeline.canonical import moment

_SPAN = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?) s\b")
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def time(text: str) -> str:
    """To the minute, with seconds where there are any."""
    at = moment(text)
    return f"{at:%Y-%m-%d %H:%M:%S}Z" if at.second or at.microsecond else f"{at:%Y-%m-%d %H:%M}Z"


def spans(text: str) -> str:
    """Long spans of seconds with their days, hours or minutes behind them: 604800 s (7 d)."""
    return _SPAN.sub(lambda found: found[0] + _long(float(found[1])), text)


def _long(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= 2 * size or (seconds >= size and not seconds % size):
            return f" ({round(seconds / size, 1):g} {unit})"
    return ""
