"""`driftledger maintain`: files merged, old states let go, again and again beside the writers, or once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import OutputOption, StoreOption, now, settings, show, writing
from pipeline.cli.output import Output
from pipeline.errors import StoreUnavailable

if TYPE_CHECKING:
    from pipeline.answers.answer import Answer
    from pipeline.maintenance.report import Report


def maintain(
    ctx: typer.Context,
    store: StoreOption = None,
    once: Annotated[bool, typer.Option("--once", help="One round, then end.")] = False,
    output: OutputOption = Output.table,
) -> None:
    """Rounds of maintenance until Ctrl-C, or one; any number may run, one of them does the work.

    Exit codes: 0 done, or another maintainer is at it; 5 the ledger's database, disk or bucket is not there.
    """
    from pipeline.maintenance.run import run

    chosen = settings(ctx).maintenance
    with writing(ctx, store) as ledger:
        while True:
            try:
                show(_answer(run(ledger, now(), chosen)), output)
            except StoreUnavailable as error:
                if once:
                    raise
                typer.echo(f"driftledger: {error}; the next round tries again", err=True)
            if once:
                return
            time.sleep(chosen.every_seconds)


def _answer(report: Report) -> Answer:
    from pipeline.answers.answer import Answer, Column

    columns = (
        Column("step"),
        Column("count", kind="integer"),
        Column("of"),
        Column("seconds", "seconds", "number"),
        Column("detail"),
    )
    rows = tuple((s.name, s.count, s.unit, s.seconds, s.detail) for s in report.steps)
    notes = (f"nothing was done: {report.held_by} maintains this ledger",) if report.held_by else ()
    return Answer(columns, rows, report.started, None, notes)
