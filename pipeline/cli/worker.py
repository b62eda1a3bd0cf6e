"""`driftledger worker`: events from Kafka into the ledger, each exactly once, until it is told to stop."""

from __future__ import annotations

import logging
import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from pipeline.cli import failure
from pipeline.cli.options import StoreOption, settings, writing
from pipeline.errors import DriftledgerError


class LogForm(StrEnum):
    lines = "lines"
    json = "json"


class Level(StrEnum):
    debug = "debug"
    info = "info"
    warning = "warning"


def worker(
    ctx: typer.Context,
    store: StoreOption = None,
    log: Annotated[LogForm, typer.Option(help="Form of the log on stderr.")] = LogForm.lines,
    log_level: Annotated[Level, typer.Option(help="debug shows stack traces too.")] = Level.info,
) -> None:
    """Read every topic from where the ledger is, and commit facts and offsets together.

    SIGTERM or SIGINT: it finishes the transaction in hand and ends with 0.  Exit codes: 1 what it cannot
    mend by waiting, to be restarted; 4 a wrong setting; 5 a right or a topic is missing.
    """
    from pipeline.health.logs import set_up
    from pipeline.worker.run import work

    set_up(as_json=log is LogForm.json, level=log_level.upper())
    code = 0
    try:
        work(settings(ctx), lambda: writing(ctx, store, threads=1))
    except DriftledgerError as error:
        logging.getLogger("driftledger.worker").error("%s", error, exc_info=error)
        code = error.exit_code
    except Exception as error:
        code = failure.report(error)
    logging.shutdown()
    sys.stdout.flush()
    # Threads of the clients may still hang in a connection to a broker that is away; the work is done.
    os._exit(code)
