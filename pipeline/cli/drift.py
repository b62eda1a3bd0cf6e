"""`driftledger drift`: which inputs of a model moved away from its reference, each alone or all together."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import OutputOption, StoreOption, WindowOption, now, reading, show
from pipeline.cli.output import Output


def drift(
    ctx: typer.Context,
    store: StoreOption = None,
    window: WindowOption = "7d",
    joint: Annotated[
        bool,
        typer.Option(
            "--joint", help="All features together, by rows that `reference create --sample` keeps."
        ),
    ] = False,
    model: Annotated[str, typer.Option("--model", metavar="MODEL", help="Of this model only.")] = "",
    output: OutputOption = Output.table,
) -> None:
    """Distance of every feature from its reference in the window, largest effect first.

    With --joint whether all features still go together: the reconstruction error and a domain classifier.
    """
    from pipeline.answers.window import parse_window

    span = parse_window(window, now())
    with reading(ctx, store) as ledger:
        if joint:
            from pipeline.answers.joint_drift import joint_drift

            show(joint_drift(ledger, span, model), output)
        else:
            from pipeline.answers.drift import drift as answer

            show(answer(ledger, span, model), output)
