"""`driftledger prices`: the rows of a price book, how a price comes about, and what is wrong with a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.instant import instant
from pipeline.cli.options import INCOMPLETE, OutputOption, now, show
from pipeline.cli.output import Output
from pipeline.cli.price_options import CurrencyOption, PricesOption, price_book

HELP = "Price books: listed, explained, checked."
FINDINGS = 6
"""Exit code: the file has errors or warnings."""

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=HELP)


@app.command("list")
def list_(prices: PricesOption = None, output: OutputOption = Output.table) -> None:
    """Every row with the time in which it holds and its source, before discounts and exchange rates."""
    from pipeline.answers.prices_held import price_rows

    show(price_rows(price_book(prices, None, "USD")), output)


@app.command()
def explain(
    gpu_model: Annotated[str, typer.Argument(help="As the driver or a price list calls it: H100, Tesla T4.")],
    prices: PricesOption = None,
    provider: Annotated[str, typer.Option("--provider", help="aws, azure, gcp or as the book says.")] = "",
    region: Annotated[str, typer.Option("--region")] = "",
    instance_type: Annotated[str, typer.Option("--instance-type")] = "",
    capacity_type: Annotated[
        str, typer.Option("--capacity-type", help="on-demand, spot or reserved; unknown is on-demand.")
    ] = "",
    mig_profile: Annotated[str, typer.Option("--mig-profile", help="Such as 3g.20gb.")] = "",
    cluster: Annotated[str, typer.Option("--cluster")] = "",
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="ISO 8601, UTC; else now.")] = None,
    currency: CurrencyOption = "USD",
    output: OutputOption = Output.table,
) -> None:
    """Which row prices such a device then, why the others do not, and the arithmetic to its GPU-hour.

    Exit code 7 when it has no price.
    """
    from pipeline.answers.prices_held import charged, price_of
    from pipeline.prices.price import Profile

    profile = Profile(cluster, provider, region, instance_type, gpu_model, mig_profile, capacity_type)
    time = now() if at is None else instant(at, "--at")
    book = price_book(prices, None, currency)
    show(price_of(book, profile, time, currency), output)
    if charged(book, profile, time, currency) is None:
        raise typer.Exit(INCOMPLETE)


@app.command()
def lint(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Price book, YAML or CSV.")],
    output: OutputOption = Output.table,
) -> None:
    """Everything that is wrong with a price file, with the rows concerned and the remedy.

    Exit code 6 when there is a finding.
    """
    from pipeline.answers.prices_linted import findings
    from pipeline.prices.file import read

    found = findings(read(file))
    show(found, output)
    if found.rows:
        raise typer.Exit(FINDINGS)
