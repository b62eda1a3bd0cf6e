"""`driftledger network`: what workloads send to other zones, regions and the internet, and its cost."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import (
    INCOMPLETE,
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
from pipeline.cli.price_options import CurrencyOption, PricesOption, price_book


def network(
    ctx: typer.Context,
    store: StoreOption = None,
    window: WindowOption = "7d",
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            help="Group by; may be repeated: team, cluster, namespace, workload, class, basis or method.",
        ),
    ] = None,
    outcomes: Annotated[
        bool,
        typer.Option(
            "--outcomes",
            help="HTTP and DNS responses by code with their latency, and drops by reason; "
            "by cluster, namespace, workload, protocol or outcome.",
        ),
    ] = False,
    prices: PricesOption = None,
    currency: CurrencyOption = "USD",
    output: OutputOption = Output.table,
) -> None:
    """Bytes by network class, measured or estimated, and what they cost at the price book's `network` rows.

    Exit code 7 when some of it has no price, or no source tells its bytes.
    """
    from pipeline.answers.network import network as answer
    from pipeline.answers.network_outcomes import network_outcomes
    from pipeline.answers.window import parse_window
    from pipeline.ownership.file import load

    span = parse_window(window, now())
    if outcomes:
        with reading(ctx, store) as ledger:
            became = network_outcomes(ledger, span, dimensions(by or ["workload", "protocol", "outcome"]))
        return show(became, output)
    book = price_book(prices, None, currency)
    owners = load(settings(ctx).cost.ownership)
    with reading(ctx, store) as ledger:
        found = answer(ledger, span, dimensions(by or ["workload", "class", "basis"]), book, currency, owners)
    show(found, output)
    names = [c.name for c in found.columns]
    if any(row[names.index("gib")] is None or row[names.index("unpriced_gib")] for row in found.rows):
        raise typer.Exit(INCOMPLETE)
