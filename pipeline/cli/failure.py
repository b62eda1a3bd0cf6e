"""What a person sees when a command fails: a sentence, an exit code, and a log for the unforeseen."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback

from pipeline.errors import DriftledgerError

UNFORESEEN = 1


def report(error: Exception) -> int:
    """Print the sentence to stderr and return the exit code; DRIFTLEDGER_DEBUG=1 raises the error instead."""
    if os.environ.get("DRIFTLEDGER_DEBUG") == "1":
        raise error
    if isinstance(error, DriftledgerError):
        _say(str(error))
        return error.exit_code
    _say(f"{type(error).__name__}: {_first_line(error)}")
    _say(f"this was not foreseen; the details are in {_log(error)} (or set DRIFTLEDGER_DEBUG=1)")
    return UNFORESEEN


def _say(sentence: str) -> None:
    print(f"driftledger: {sentence}", file=sys.stderr)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no message"])[0][:300]


def _log(error: Exception) -> str:
    with tempfile.NamedTemporaryFile(
        "w", prefix="driftledger-", suffix=".log", delete=False, encoding="utf-8"
    ) as log:
        log.writelines(traceback.format_exception(error))
    return log.name
