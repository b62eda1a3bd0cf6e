"""`driftledger report build`: the files of a month's statements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.month_options import MonthOption, StatementCurrency, inputs, month_of
from pipeline.cli.options import INCOMPLETE, StoreOption, reading
from pipeline.cli.price_options import GpuHourOption, PricesOption


def build(
    ctx: typer.Context,
    month: MonthOption,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Their folder.")] = Path("statements"),
    store: StoreOption = None,
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: StatementCurrency = None,
) -> None:
    """Write the month as HTML and CSV: all teams, and each team alone; lines sum to totals to the cent.

    Exit code 7 when some of it has no price.
    """
    from reports.build import build as write
    from reports.statement import statement

    span, given = month_of(month), inputs(ctx, prices, gpu_hour_price, currency)
    with reading(ctx, store) as ledger:
        made = statement(ledger, span, given.prices, given.currency, given.rule, given.owners)
    for path in write(made, out):
        print(path)
    if made.amounts.unpriced:
        raise typer.Exit(INCOMPLETE)
