"""Waiting in tests: for a condition and never for a time, and a failed test says what did not come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

SECONDS = 120.0
"""Longest wait for anything: a machine of tests may be busy."""
_PAUSE_SECONDS = 0.05
_REST_SECONDS = 1.0

Found = TypeVar("Found")


def until(
    holds: Callable[[], Found], what: str, seconds: float = SECONDS, log: Callable[[], object] = str
) -> Found:
    """What `holds` gives once it gives something true; `log` says what happened meanwhile.

    It rests for twice as long as a look took, a second at most: what is waited for needs the processor too.
    """
    end = (began := time.monotonic()) + seconds
    while not (found := holds()):
        looked = time.monotonic()
        assert looked < end, f"not within {seconds:g} s: {what}\n{log()}"
        time.sleep(min(max(_PAUSE_SECONDS, 2 * (looked - began)), _REST_SECONDS))
        began = time.monotonic()
    return found
