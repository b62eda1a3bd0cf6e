"""`driftledger report trail`: what was done to closed months, and what teams said."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.month_options import month_of
from pipeline.cli.options import OutputOption, StoreOption, now, reading, show
from pipeline.cli.output import Output


def trail(
    ctx: typer.Context,
    month: Annotated[
        str | None, typer.Option("--month", metavar="YYYY-MM", help="One month; else all that are closed.")
    ] = None,
    store: StoreOption = None,
    output: OutputOption = Output.table,
) -> None:
    """Closes, bookings, what teams said to their statements, and deliveries, in order, with who did it."""
    from pipeline.months.trail import trail as walk

    at = month_of(month).start if month else None
    with reading(ctx, store) as ledger:
        show(walk(ledger, now(), at), output)
