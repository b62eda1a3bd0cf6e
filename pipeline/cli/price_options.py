"""The options that say which prices hold."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.prices import PriceBook

PricesOption = Annotated[
    Path | None,
    typer.Option("--prices", metavar="FILE", help="Price book, YAML or CSV; else the bundled list prices."),
]
GpuHourOption = Annotated[
    str | None,
    typer.Option("--gpu-hour-price", metavar="AMOUNT", help="One price for every GPU-hour; no book."),
]
USUAL = "USD"
CurrencyOption = Annotated[str, typer.Option("--currency", metavar="CODE", help="ISO 4217 code.")]


def price_book(prices: Path | None, gpu_hour_price: str | None, currency: str) -> PriceBook:
    """The book that the options name; ConfigError where they contradict each other, or lack the currency."""
    book = book_of(prices, gpu_hour_price, currency)
    check_currency("--currency", currency, book)
    return book


def book_of(prices: Path | None, gpu_hour_price: str | None, currency: str) -> PriceBook:
    """As price_book, whatever the currency is of one that is named in a file."""
    from pipeline.prices import PriceBook

    if prices and gpu_hour_price is not None:
        raise ConfigError("--gpu-hour-price", gpu_hour_price, "give either a price book or one price")
    if gpu_hour_price is not None:
        return PriceBook.flat(_amount(gpu_hour_price), currency)
    return PriceBook.load(prices) if prices else PriceBook.bundled()


def check_currency(key: str, code: str, book: PriceBook) -> None:
    """ConfigError for what is no currency, or one that the book neither prices in nor has a rate to.

    USD, which nobody has to write, is left: who then prices in EUR alone is told so row by row.
    """
    if not re.fullmatch("[A-Z]{3}", code):
        raise ConfigError(key, code, "write an ISO 4217 code such as USD")
    known = dict.fromkeys((*book.currencies, *(row.currency for row in book.network)))
    if known and code not in (USUAL, *known):
        remedy = f"nothing is priced in it, and no rate leads to it: write {', '.join(known)}"
        raise ConfigError(
            key, code, f"{remedy}, or add a rate from {next(iter(known))} to {code} to the prices"
        )


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not (amount.is_finite() and 0 <= amount <= 1_000_000):
        raise ConfigError("--gpu-hour-price", text, "write an amount such as 2.00")
    return amount
