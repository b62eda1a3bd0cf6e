"""The options of the commands of month end, and the month that they read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import settings
from pipeline.cli.price_options import book_of, check_currency
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.answers.window import Window
    from pipeline.months.inputs import Inputs

MonthOption = Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="Calendar month, UTC.")]
StatementCurrency = Annotated[
    str | None, typer.Option("--currency", metavar="CODE", help="ISO 4217 code; else closing.currency.")
]


def month_of(text: str) -> Window:
    """ConfigError where the text is no month."""
    from pipeline.answers.window import month

    found = re.fullmatch(r"(\d{4})-(\d{2})", text)
    try:
        return month(int(found[1]), int(found[2])) if found else _refuse(text)
    except (ValueError, OverflowError):
        return _refuse(text)


def _refuse(text: str) -> Window:
    raise ConfigError("--month", text, "write a month such as 2026-10")


def inputs(
    ctx: typer.Context, prices: Path | None, gpu_hour_price: str | None, currency: str | None
) -> Inputs:
    """What the settings say, and the options over them."""
    from pipeline.months.inputs import of_settings

    code = currency_of(ctx, currency)
    stated = prices is not None or gpu_hour_price is not None
    book = book_of(prices, gpu_hour_price, code) if stated else None
    found = of_settings(settings(ctx), book, code)
    check_currency(_key(currency), code, found.prices)
    return found


def currency_of(ctx: typer.Context, given: str | None) -> str:
    """What the option names, else the setting."""
    code = given if given is not None else settings(ctx).closing.currency
    if not re.fullmatch("[A-Z]{3}", code):
        raise ConfigError(_key(given), code, "write an ISO 4217 code such as USD")
    return code


def _key(currency: str | None) -> str:
    return "closing.currency" if currency is None else "--currency"
