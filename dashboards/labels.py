"""Names from outside as text: no Markdown, no HTML, so a pod's name fetches no image and fakes no link."""

from __future__ import annotations

import re
from datetime import datetime

from pipeline.answers.cells import people, safe_text

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def plain(text: str) -> str:
    """The text with all of Markdown's punctuation escaped; needed wherever Streamlit renders Markdown."""
    return _PUNCTUATION.sub(r"\\\1", safe_text(text))


def time(moment: datetime | None) -> str:
    """Minutes of UTC, or a dash."""
    return people("time", moment)


def age(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that says it."""
    seconds = int((now - moment).total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"
