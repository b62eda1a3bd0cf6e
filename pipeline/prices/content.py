"""What a price file holds, before it is a book: its rows, what of it was left out, and what is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pipeline.errors import ConfigError
from pipeline.prices.discount import Discount
from pipeline.prices.network import NetworkPrice
from pipeline.prices.price import Price
from pipeline.prices.rates import Rate


@dataclass(frozen=True, slots=True)
class Content:
    version: str
    prices: tuple[Price, ...] = ()
    discounts: tuple[Discount, ...] = ()
    rates: tuple[Rate, ...] = ()
    network: tuple[NetworkPrice, ...] = ()
    include: tuple[str, ...] = ()
    """CSV files whose rows belong to the book, relative to the file that names them."""
    skipped: tuple[tuple[str, str], ...] = ()
    """Rows that price no kind of GPU, each with the reason."""
    problems: tuple[ConfigError, ...] = ()

    def why_skipped(self) -> dict[str, int]:
        """How many rows were left out, by reason."""
        return dict(Counter(reason for _, reason in self.skipped))
