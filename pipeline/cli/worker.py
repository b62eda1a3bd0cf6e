"""`driftledger worker`: events from Kafka into the ledger, each exactly once, until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.cli.options import StoreOption, place, settings, writing
from pipeline.cli.process import Level, LevelOption, LogForm, LogOption, run

if TYPE_CHECKING:
    from collectors.live.contract import Job


def worker(
    ctx: typer.Context,
    store: StoreOption = None,
    log: LogOption = LogForm.lines,
    log_level: LevelOption = Level.info,
) -> None:
    """Read every topic from where the ledger is, and commit facts and offsets together.

    With closing.schedule_seconds, one of the workers closes the months that are due and hands them over.

    SIGTERM or SIGINT: it finishes the transaction in hand and ends with 0.  Exit codes: 1 what it cannot
    mend by waiting, to be restarted; 4 a wrong setting; 5 a right or a topic is missing.
    """
    from pipeline.worker.run import work

    run(
        lambda: work(settings(ctx), lambda: writing(ctx, store, threads=1), _beside(ctx, store)),
        "driftledger.worker",
        log,
        log_level,
    )


def _beside(ctx: typer.Context, store: Path | None) -> dict[str, Job]:
    chosen = settings(ctx)
    if not chosen.closing.schedule_seconds:
        return {}
    from reports.schedule import month_end

    return {"month end": month_end(chosen, place(ctx, store))}
