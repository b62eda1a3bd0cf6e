"""`driftledger report explain`: a line of a closed month down to its rule, intervals and prices."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.month_options import MonthOption, month_of
from pipeline.cli.options import OutputOption, StoreOption, place, reading, show
from pipeline.cli.output import Output


def explain(
    ctx: typer.Context,
    line: Annotated[str, typer.Argument(metavar="LINE", help="A team, or TEAM/NAMESPACE/WORKLOAD.")],
    month: MonthOption,
    store: StoreOption = None,
    output: OutputOption = Output.table,
) -> None:
    """The charges of a line of a closed month, each with its rule, the intervals that sum to it, and prices.

    Its part of what all pay together comes with the pool, the weights, and what is in the pool.

    Exit code 3 where the month is not closed or has no such line.
    """
    from pipeline.months.explain import explain as walk
    from pipeline.store import Store

    where = place(ctx, store)
    with reading(ctx, store) as ledger:
        span = month_of(month)
        show(walk(ledger, lambda n: Store.open(where, snapshot=n), span, line), output)
