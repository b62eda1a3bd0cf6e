"""`driftledger status`: how fresh and how complete the ledger is, and what was refused."""

from __future__ import annotations

import typer

from pipeline.cli.options import INCOMPLETE, OutputOption, StoreOption, now, reading, show
from pipeline.cli.output import Output
from pipeline.cli.price_options import CurrencyOption, GpuHourOption, PricesOption, price_book


def status(
    ctx: typer.Context,
    store: StoreOption = None,
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: CurrencyOption = "USD",
    output: OutputOption = Output.table,
) -> None:
    """Facts by kind and cluster; refused rows, gaps and devices without a price, with exit code 7."""
    from pipeline.answers.status import is_incomplete
    from pipeline.answers.status import status as answer

    book = price_book(prices, gpu_hour_price, currency)
    with reading(ctx, store) as ledger:
        found = answer(ledger, now(), book, currency)
    show(found, output)
    if is_incomplete(found):
        raise typer.Exit(INCOMPLETE)
