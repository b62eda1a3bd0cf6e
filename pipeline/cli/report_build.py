"""`driftledger report build`: the files of a month's statements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.month_options import MonthOption, StatementCurrency, inputs, month_of
from pipeline.cli.options import INCOMPLETE, StoreOption, now, place, reading, settings
from pipeline.cli.price_options import GpuHourOption, PricesOption
from pipeline.errors import ConfigError, PreflightFailed


def build(
    ctx: typer.Context,
    month: MonthOption,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Their folder.")] = Path("statements"),
    store: StoreOption = None,
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: StatementCurrency = None,
) -> None:
    """Write the month as PDF, HTML, XLSX, CSV and Parquet: all teams, and each team alone; and as FOCUS.

    A closed month is written as it was closed, whatever the options say.  What is to know before it is
    posted, such as teams without a ledger account, is told on stderr.  Exit codes: 5 the folder cannot be
    written, 7 some of it has no price.
    """
    from pipeline.store import Store
    from reports.build import build as write
    from reports.ledger_lines import mapping
    from reports.posting import posting
    from reports.read import read

    span, given = month_of(month), inputs(ctx, prices, gpu_hour_price, currency)
    if span.start > now():
        raise ConfigError("--month", month, "it has not begun; name a month that has")
    where = place(ctx, store)
    with reading(ctx, store) as ledger:
        made = read(ledger, lambda snapshot: Store.open(where, snapshot=snapshot), span, given)
    columns = mapping(settings(ctx).closing.ledger_columns)
    try:
        paths = write(made, out, columns)
    except OSError as error:
        said = f"cannot write the statements to {out}: {error.strerror or error}; none was replaced"
        raise PreflightFailed(said) from error
    for path in paths:
        typer.echo(path)
    for said in posting(made.teams, made.currency):
        typer.echo(said, err=True)
    if made.amounts.unpriced or made.unpriced_other_hours:
        raise typer.Exit(INCOMPLETE)
