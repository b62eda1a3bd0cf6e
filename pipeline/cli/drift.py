"""`driftledger drift`: which inputs of a model moved away from its reference."""

from __future__ import annotations

import typer

from pipeline.cli.options import OutputOption, StoreOption, WindowOption, now, reading, show
from pipeline.cli.output import Output


def drift(
    ctx: typer.Context,
    store: StoreOption = None,
    window: WindowOption = "7d",
    output: OutputOption = Output.table,
) -> None:
    """Distance of every feature from its reference in the window, largest effect first."""
    from pipeline.answers.drift import drift as answer
    from pipeline.answers.window import parse_window

    span = parse_window(window, now())
    with reading(ctx, store) as ledger:
        show(answer(ledger, span), output)
