"""A process's log on stderr: lines for people or JSON for collectors, and no line a thousand times."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

_QUIET = ("faust", "mode", "aiokafka", "kafka", "uvicorn", "asyncio")
"""Libraries that tell much; their warnings are ours to tell."""

_REPEAT_SECONDS = 30.0

_NUMBER = re.compile("0x[0-9a-f]+|[0-9]+")
"""Also an object's address: some libraries write both into the form itself."""


def set_up(*, as_json: bool, level: str) -> None:
    """Send every logger's records to stderr; stack traces are only shown at level DEBUG."""
    handler = logging.StreamHandler(sys.stderr)
    traces = level == "DEBUG"
    handler.setFormatter(JsonLines(traces) if as_json else Lines(traces))
    handler.addFilter(Seldom(time.monotonic))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(level if traces else logging.WARNING)


class Seldom(logging.Filter):
    """Lets a message of one form, whatever its numbers, pass once in 30 seconds, then says how many came."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._passed: dict[tuple[str, str], float] = {}
        self._held: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("driftledger"):
            return True
        form, now = (record.name, _NUMBER.sub("", str(record.msg))), self._clock()
        if now - self._passed.get(form, -_REPEAT_SECONDS) < _REPEAT_SECONDS:
            self._held[form] = self._held.get(form, 0) + 1
            return False
        self._passed[form] = now
        record.held = self._held.pop(form, 0)
        return True


def _text(record: logging.LogRecord) -> str:
    text = record.getMessage()
    error = str(record.exc_info[1] or "") if record.exc_info else ""
    if error and error not in text:  # most of our own messages are the error's sentence already
        text = f"{text}: {error}"
    held = getattr(record, "held", 0)
    return f"{text} (and {held} times before)" if held else text


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


class Lines(logging.Formatter):
    def __init__(self, traces: bool) -> None:
        super().__init__()
        self._traces = traces

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_time(record)} {record.levelname:<7} {record.name}: {' '.join(_text(record).split())}"
        trace = self.formatException(record.exc_info) if self._traces and record.exc_info else ""
        return f"{line}\n{trace}" if trace else line


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, and trace at level DEBUG."""

    def __init__(self, traces: bool) -> None:
        super().__init__()
        self._traces = traces

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _text(record),
        }
        if self._traces and record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
