"""`driftledger alerts`: what was told to somebody, and who has taken it."""

from __future__ import annotations

import typer

from pipeline.cli.options import OutputOption, StoreOption, WindowOption, now, reading, show
from pipeline.cli.output import Output


def alerts(
    ctx: typer.Context,
    store: StoreOption = None,
    window: WindowOption = "7d",
    output: OutputOption = Output.table,
) -> None:
    """The alerts of the window: firing or resolved, since when, and which receivers have it."""
    from pipeline.answers.alerts import alerts as answer
    from pipeline.answers.window import parse_window

    span = parse_window(window, now())
    with reading(ctx, store) as ledger:
        show(answer(ledger, span), output)
