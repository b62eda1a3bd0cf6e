"""`driftledger reconcile`: the ledger against a provider's bill, with every difference by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import (
    INCOMPLETE,
    OutputOption,
    StoreOption,
    dimensions,
    reading,
    settings,
    show,
)
from pipeline.cli.output import Output
from pipeline.cli.price_options import CurrencyOption, GpuHourOption, PricesOption, price_book
from pipeline.errors import ConfigError


def reconcile(
    ctx: typer.Context,
    bill: Annotated[
        Path, typer.Option("--bill", metavar="FILE", help="AWS CUR or FOCUS; parquet, CSV or CSV.gz.")
    ],
    store: StoreOption = None,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", help="Group by; may be repeated: category, day, sku, resource, node."),
    ] = None,
    node: Annotated[
        list[str] | None,
        typer.Option("--node", metavar="RESOURCE=NODE", help="The node that a resource of the bill is."),
    ] = None,
    cost_column: Annotated[
        str, typer.Option("--cost-column", help="Else line_item_unblended_cost, or BilledCost.")
    ] = "",
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: CurrencyOption = "USD",
    output: OutputOption = Output.table,
) -> None:
    """Sum the bill and the ledger by category: what is equal, and why the rest is not.

    Exit code 7 when rows of the bill cannot be read.
    """
    from pipeline.reconcile.answer import reconcile as answer
    from pipeline.reconcile.bill import read

    names = dict(_pair(text) for text in node or [])
    book = price_book(prices, gpu_hour_price, currency)
    rule = settings(ctx).cost
    with reading(ctx, store) as ledger:
        rows = read(bill, cost_column)
        found, refused = answer(ledger, rows, dimensions(by or ["category"]), book, currency, names, rule)
    show(found, output)
    if refused:
        raise typer.Exit(INCOMPLETE)


def _pair(text: str) -> tuple[str, str]:
    resource, equals, name = text.rpartition("=")
    if not (equals and resource and name):
        raise ConfigError("--node", text, "write the bill's resource, =, and the ledger's node")
    return resource, name
