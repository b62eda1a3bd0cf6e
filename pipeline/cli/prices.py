"""`driftledger prices`: the rows of a price book, how a price comes about, and what is wrong with a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.instant import instant
from pipeline.cli.options import INCOMPLETE, OutputOption, now, show
from pipeline.cli.output import Output
from pipeline.cli.price_options import CurrencyOption, PricesOption, price_book

HELP = "Price books: listed, explained, checked, refreshed."
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
    os: Annotated[str, typer.Option("--os", help="Of the node: linux or windows; unknown is linux.")] = "",
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

    profile = Profile(cluster, provider, region, instance_type, gpu_model, mig_profile, capacity_type, "", os)
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


@app.command()
def refresh(
    source: Annotated[
        str, typer.Argument(help="aws, azure, gcp or gpuhunt-PROVIDER, such as gpuhunt-nebius.")
    ],
    into: Annotated[Path, typer.Option("--into", metavar="FILE", help="Own CSV, made where there is none.")],
    region: Annotated[
        str, typer.Option("--region", help="Region to read, where the catalogue has them.")
    ] = "",
    url: Annotated[
        str,
        typer.Option(
            "--url", help="Where the catalogue is, if not at its public place; or a file, plain or gzip."
        ),
    ] = "",
    key_file: Annotated[
        Path | None, typer.Option("--key-file", metavar="FILE", help="API key, for gcp alone.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the new lines; write nothing.")] = False,
) -> None:
    """Append prices that changed to an own CSV, valid from now on; what is there is never touched.

    Exit code 5 when the catalogue does not answer, or not in the shape that is known.
    """
    from pipeline.prices.refresh import refresh as read

    found = read(source, into, now(), region=region, url=url, key_file=key_file, dry_run=dry_run)
    if dry_run:
        typer.echo(found.text, nl=False)
    for reason, count in found.skipped.items():
        typer.echo(f"{count} left out: {reason}", err=True)
    typer.echo(f"{found.new} of {found.read} prices are new", err=True)
