"""`driftledger models`: every model version with traffic, how fast and how right it is."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import OutputOption, StoreOption, WindowOption, dimensions, now, reading, show
from pipeline.cli.output import Output


def models(
    ctx: typer.Context,
    store: StoreOption = None,
    window: WindowOption = "7d",
    by: Annotated[
        list[str] | None,
        typer.Option("--by", help="Split by; may be repeated: cluster, namespace, workload."),
    ] = None,
    output: OutputOption = Output.table,
) -> None:
    """Accuracy, latency and traffic of every model version in the window."""
    from pipeline.answers.models import models as answer
    from pipeline.answers.window import parse_window

    span = parse_window(window, now())
    with reading(ctx, store) as ledger:
        show(answer(ledger, span, dimensions(by or [])), output)
