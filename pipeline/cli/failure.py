"""What a person sees when a command fails: a sentence, an exit code, and a log for the unforeseen."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback

from pipeline.errors import DriftledgerError, PreflightFailed

UNFORESEEN = 1
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def report(error: Exception) -> int:
    """Print the sentence to stderr and return the exit code; DRIFTLEDGER_DEBUG=1 raises the error instead."""
    if os.environ.get("DRIFTLEDGER_DEBUG") == "1":
        raise error
    if isinstance(error, DriftledgerError):
        _say(str(error))
        return error.exit_code
    if isinstance(error, OSError) and error.errno in FULL:
        _say(f"{error.filename or 'the output'} cannot be written: {error.strerror}; free some space")
        return PreflightFailed.exit_code
    _say(f"{type(error).__name__}: {_first_line(error)}")
    try:
        where = f"the details are in {_log(error)} (or set DRIFTLEDGER_DEBUG=1)"
    except OSError:  # there is no room for them
        where = "DRIFTLEDGER_DEBUG=1 shows the details"
    _say(f"this was not foreseen; {where}")
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
