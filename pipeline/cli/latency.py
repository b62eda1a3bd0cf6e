"""`driftledger latency`: percentiles, objectives and burn rates, or the histograms for another system."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pipeline.cli.options import OutputOption, StoreOption, WindowOption, now, reading, show
from pipeline.cli.output import Output


class Form(StrEnum):
    classic = "classic"
    native = "native"
    otlp = "otlp"


def latency(
    ctx: typer.Context,
    store: StoreOption = None,
    window: WindowOption = "24h",
    form: Annotated[
        Form | None,
        typer.Option("--form", help="Histograms instead: Prometheus classic or native, or OpenTelemetry."),
    ] = None,
    output: OutputOption = Output.table,
) -> None:
    """Latency, time to first token and per output token of every model version, against its objective."""
    from pipeline.answers.latency import latency as answer
    from pipeline.answers.latency_export import FORMS
    from pipeline.answers.window import parse_window

    span = parse_window(window, now())
    with reading(ctx, store) as ledger:
        if form is None:
            show(answer(ledger, span), output)
        else:
            typer.echo(FORMS[form](ledger, span), nl=False)
