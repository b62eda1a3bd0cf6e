"""`driftledger actions`: what was proposed, done, refused and undone."""

from __future__ import annotations

import typer

from pipeline.cli.options import OutputOption, StoreOption, WindowOption, now, reading, show
from pipeline.cli.output import Output


def actions(
    ctx: typer.Context,
    store: StoreOption = None,
    window: WindowOption = "7d",
    output: OutputOption = Output.table,
) -> None:
    """Actions with a step in the window, the newest first."""
    from pipeline.answers.actions import actions as answer
    from pipeline.answers.window import parse_window

    span = parse_window(window, now())
    with reading(ctx, store) as ledger:
        show(answer(ledger, span), output)
