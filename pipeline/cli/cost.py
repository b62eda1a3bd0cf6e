"""`driftledger cost`: what GPUs cost, by team, workload, model, device or time."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import (
    INCOMPLETE,
    OutputOption,
    StoreOption,
    dimensions,
    now,
    reading,
    settings,
    show,
)
from pipeline.cli.output import Output
from pipeline.cli.price_options import CurrencyOption, GpuHourOption, PricesOption, price_book

_BY = (
    "team, cost_centre, environment, namespace, workload, pod, model, model_version, device, "
    "resource, node, gpu_model, cluster, bucket, hour or day"
)


def cost(
    ctx: typer.Context,
    store: StoreOption = None,
    window: Annotated[
        str | None,
        typer.Option(
            "--window", "-w", help="7d, 24h, yesterday, 2026-10, or START..END (UTC); else the whole ledger."
        ),
    ] = None,
    by: Annotated[list[str] | None, typer.Option("--by", help=f"Group by; may be repeated: {_BY}.")] = None,
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: CurrencyOption = "USD",
    output: OutputOption = Output.table,
) -> None:
    """GPU-hours allocated, active, held idle and held by nobody, and what each cost.

    Who pays for idle and shared time is said by the settings cost.*, for example --set cost.idle=weighted.
    Exit code 7 when some of it has no price.
    """
    from pipeline.answers.cost import cost as answer
    from pipeline.answers.cost_table import UNPRICED
    from pipeline.answers.window import parse_window
    from pipeline.ownership.file import load

    rule = settings(ctx).cost
    span = parse_window(window, now(), hours=rule.spreads) if window else None
    book = price_book(prices, gpu_hour_price, currency)
    with reading(ctx, store) as ledger:
        found = answer(ledger, span, dimensions(by or ["team"]), book, currency, rule, load(rule.ownership))
    show(found, output)
    total = zip(found.columns, found.total or (), strict=False)
    if any(hours for column, hours in total if column.name in UNPRICED):
        raise typer.Exit(INCOMPLETE)
