"""`driftledger worker`: events from Kafka into the ledger, each exactly once, until it is told to stop."""

from __future__ import annotations

import typer

from pipeline.cli.options import StoreOption, settings, writing
from pipeline.cli.process import Level, LevelOption, LogForm, LogOption, run


def worker(
    ctx: typer.Context,
    store: StoreOption = None,
    log: LogOption = LogForm.lines,
    log_level: LevelOption = Level.info,
) -> None:
    """Read every topic from where the ledger is, and commit facts and offsets together.

    SIGTERM or SIGINT: it finishes the transaction in hand and ends with 0.  Exit codes: 1 what it cannot
    mend by waiting, to be restarted; 4 a wrong setting; 5 a right or a topic is missing.
    """
    from pipeline.worker.run import work

    run(
        lambda: work(settings(ctx), lambda: writing(ctx, store, threads=1)),
        "driftledger.worker",
        log,
        log_level,
    )
