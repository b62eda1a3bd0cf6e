"""`driftledger report`: statements of a month, per team and in total."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import INCOMPLETE, StoreOption, reading, settings
from pipeline.cli.price_options import CurrencyOption, GpuHourOption, PricesOption, price_book
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.answers.window import Window

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Statements of a month, per team.")


@app.callback()
def report() -> None:
    """Statements of a month, per team."""


@app.command()
def build(
    ctx: typer.Context,
    month: Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="Calendar month, UTC.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Their folder.")] = Path("statements"),
    store: StoreOption = None,
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: CurrencyOption = "USD",
) -> None:
    """Write the month as HTML and CSV: all teams, and each team alone; lines sum to totals to the cent.

    Exit code 7 when some of it has no price.
    """
    from pipeline.ownership.file import load
    from reports.build import build as write
    from reports.statement import statement

    rule = settings(ctx).cost
    span, book = _month(month), price_book(prices, gpu_hour_price, currency)
    with reading(ctx, store) as ledger:
        made = statement(ledger, span, book, currency, rule, load(rule.ownership))
    for path in write(made, out):
        print(path)
    if made.amounts.unpriced:
        raise typer.Exit(INCOMPLETE)


def _month(text: str) -> Window:
    from pipeline.answers.window import month

    found = re.fullmatch(r"(\d{4})-(\d{2})", text)
    try:
        return month(int(found[1]), int(found[2])) if found else _refuse(text)
    except ValueError:
        return _refuse(text)


def _refuse(text: str) -> Window:
    raise ConfigError("--month", text, "write a month such as 2026-10")
