"""`driftledger energy`: metered kilowatt-hours of GPUs by who held them, and their carbon."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import (
    OutputOption,
    StoreOption,
    WindowOption,
    dimensions,
    now,
    reading,
    settings,
    show,
)
from pipeline.cli.output import Output


def energy(
    ctx: typer.Context,
    store: StoreOption = None,
    window: WindowOption = "7d",
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            help="Group by; may be repeated: team, cost_centre, environment, namespace, workload, pod, "
            "model, model_version, device, cluster or day.",
        ),
    ] = None,
    output: OutputOption = Output.table,
) -> None:
    """Energy from the cards' own meters; carbon where setting energy.intensity names a file."""
    from pipeline.answers.energy import energy as answer
    from pipeline.answers.window import parse_window
    from pipeline.intensity import load as load_intensity
    from pipeline.ownership.file import load

    chosen = settings(ctx)
    span = parse_window(window, now())
    rates, owners = load_intensity(chosen.energy.intensity), load(chosen.cost.ownership)
    with reading(ctx, store) as ledger:
        show(answer(ledger, span, dimensions(by or ["team"]), rates, owners), output)
