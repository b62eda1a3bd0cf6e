"""What commands share that work until they are told to stop: a log on stderr, and an exit code at the end."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, NoReturn

import typer

from pipeline.cli import failure
from pipeline.errors import DriftledgerError


class LogForm(StrEnum):
    lines = "lines"
    json = "json"


class Level(StrEnum):
    debug = "debug"
    info = "info"
    warning = "warning"


LogOption = Annotated[LogForm, typer.Option("--log", help="Form of the log on stderr.")]
LevelOption = Annotated[Level, typer.Option("--log-level", help="debug shows stack traces too.")]


def run(work: Callable[[], None], logger: str, log: LogForm, level: Level) -> NoReturn:
    """Work to the end and leave with its exit code; what it failed with is a sentence in the log."""
    from pipeline.health.logs import set_up

    set_up(as_json=log is LogForm.json, level=level.upper())
    code = 0
    try:
        work()
    except DriftledgerError as error:
        logging.getLogger(logger).error("%s", error, exc_info=error)
        code = error.exit_code
    except Exception as error:
        code = failure.report(error)
    logging.shutdown()
    sys.stdout.flush()
    # A client's thread may still hang in a connection to a server that is away; the work is done.
    os._exit(code)
