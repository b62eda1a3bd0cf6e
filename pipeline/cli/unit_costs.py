"""`driftledger unit-costs`: what a thousand answers, right answers or tokens of each model version cost."""

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
from pipeline.cli.price_options import CurrencyOption, GpuHourOption, PricesOption, price_book


def unit_costs(
    ctx: typer.Context,
    store: StoreOption = None,
    window: WindowOption = "7d",
    by: Annotated[
        list[str] | None,
        typer.Option("--by", help="Split by; may be repeated: team, cluster, namespace, workload."),
    ] = None,
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: CurrencyOption = "USD",
    output: OutputOption = Output.table,
) -> None:
    """Cost of a thousand requests, right answers and answers in time, and of a million tokens, by version.

    Each number is defined in docs/metrics.md; what is not known is not shown as 0.
    """
    from pipeline.answers.unit_costs import unit_costs as answer
    from pipeline.answers.window import parse_window
    from pipeline.ownership.file import load

    rule = settings(ctx).cost
    span = parse_window(window, now(), hours=rule.spreads)
    book = price_book(prices, gpu_hour_price, currency)
    with reading(ctx, store) as ledger:
        found = answer(ledger, span, dimensions(by or []), book, currency, rule, load(rule.ownership))
    show(found, output)
