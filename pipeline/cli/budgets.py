"""`driftledger budgets`: spent, forecast and exhaustion of every budget."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import INCOMPLETE, OutputOption, StoreOption, now, reading, settings, show
from pipeline.cli.output import Output
from pipeline.cli.price_options import GpuHourOption, PricesOption, book_of
from pipeline.errors import ConfigError

OVER = 6
"""Exit code: a budget is exceeded, or will be."""


def budgets(
    ctx: typer.Context,
    store: StoreOption = None,
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same interval.")] = 0,
    output: OutputOption = Output.table,
) -> None:
    """What is spent of each budget of the file that setting budgets.file names, and where it will end.

    Exit code 6 when one is exceeded or at risk; 7 when one has no data, or some of its cost no price.
    """
    from pipeline.answers.budgets import AT_RISK, EXCEEDED, NO_DATA
    from pipeline.answers.budgets import budgets as answer
    from pipeline.answers.cost_table import UNPRICED
    from pipeline.budgets import load as plans
    from pipeline.ownership.file import load

    chosen = settings(ctx)
    if not chosen.budgets.file:
        raise ConfigError("budgets.file", "", "name a YAML file of budgets; docs/metrics.md shows one")
    known = plans(chosen.budgets.file)
    book = book_of(prices, gpu_hour_price, known[0].currency)
    with reading(ctx, store) as ledger:
        found = answer(ledger, known, now(), seed, book, chosen.cost, load(chosen.cost.ownership))
    show(found, output)
    states = {row[1] for row in found.rows}
    if states & {AT_RISK, EXCEEDED}:
        raise typer.Exit(OVER)
    if NO_DATA in states or any(any(row[-len(UNPRICED) :]) for row in found.rows):
        raise typer.Exit(INCOMPLETE)
