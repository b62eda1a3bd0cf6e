"""`driftledger anomalies`: days or hours whose cost is unlike those before, and why."""

from __future__ import annotations

from enum import StrEnum
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

FOUND = 6
"""Exit code: a cost is unlike those before."""


class Step(StrEnum):
    day = "day"
    hour = "hour"


def anomalies(
    ctx: typer.Context,
    store: StoreOption = None,
    window: WindowOption = "7d",
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", help="Look at each; may be repeated: team, namespace, model, cluster, gpu_model."
        ),
    ] = None,
    step: Annotated[Step, typer.Option("--step", help="What is compared.")] = Step.day,
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: CurrencyOption = "USD",
    output: OutputOption = Output.table,
) -> None:
    """Costs far from the same weekday's before, and the driver: price, volume, mix or idle.

    The window says which days are looked at; they are compared with the eight weeks before each.
    Exit code 6 when there is one.
    """
    from pipeline.answers.anomalies import anomalies as answer
    from pipeline.answers.window import parse_window
    from pipeline.ownership.file import load

    rule = settings(ctx).cost
    span = parse_window(window, now())
    book = price_book(prices, gpu_hour_price, currency)
    with reading(ctx, store) as ledger:
        groups, owners = dimensions(by or []), load(rule.ownership)
        found = answer(ledger, span, groups, step.value, book, currency, rule, owners)
    show(found, output)
    if found.rows:
        raise typer.Exit(FOUND)
