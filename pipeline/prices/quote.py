"""One price as it is charged: list price, what was negotiated off it, and the currency that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from pipeline.prices.discount import Discount
from pipeline.prices.exact import times, to_nano
from pipeline.prices.price import Price
from pipeline.prices.rates import Rate

NANO_PLACES = 9


@dataclass(frozen=True, slots=True)
class Quote:
    """A row of the book with the one discount and the one rate that hold, None where there is none."""

    row: Price
    discount: Discount | None = None
    rate: Rate | None = None

    @property
    def price(self) -> Price:
        """The row at the price that is charged, in the currency that was asked for."""
        if self.discount is None and self.rate is None:
            return self.row
        currency = self.row.currency if self.rate is None else self.rate.quote
        return replace(self.row, gpu_hour=self.effective, currency=currency)

    @property
    def list_price(self) -> Decimal | None:
        """Without discount and commitment; None where nobody stated it."""
        stated = self.row.gpu_hour if self.row.kind == "list" else self.row.list_gpu_hour
        return None if stated is None else self._converted(stated)

    @property
    def contracted(self) -> Decimal | None:
        """The list price less the discount, still without the commitment."""
        stated = self.list_price
        return stated if stated is None or self.discount is None else self.discount.off(stated)

    @property
    def effective(self) -> Decimal:
        """What a GPU-hour costs: the contracted price, or the commitment's or machine's own."""
        if self.row.kind == "list" and self.discount is not None:
            return self._converted(self.discount.off(self.row.gpu_hour))
        return self._converted(self.row.gpu_hour)

    def _converted(self, amount: Decimal) -> Decimal:
        return amount if self.rate is None else times(amount, self.rate.rate)

    def steps(self) -> Iterator[str]:
        """The arithmetic from what was written to the GPU-hour, a line each."""
        written = self.row.arithmetic or "as written"
        yield f"{self.row.name}: {written} = {shown(self.row.gpu_hour)} {self.row.currency}"
        amount = self.row.gpu_hour
        if self.row.kind == "list" and self.discount is not None:
            before, amount = amount, self.discount.off(amount)
            yield f"{self.discount.name}: {shown(before)} - {self.discount.percent:f} % = {shown(amount)}"
        if self.rate is not None:
            before, amount = amount, self._converted(amount)
            line = f"{shown(before)} {self.rate.base} × {self.rate.rate:f} ({self.rate.valid_from:%Y-%m-%d})"
            yield f"{self.rate.name}: {line} = {shown(amount)} {self.rate.quote}"


def shown(amount: Decimal) -> str:
    """In full up to billionths, which is where the ledger counts."""
    nano = Decimal(to_nano(amount)).scaleb(-NANO_PLACES)
    return f"{nano.normalize():f}"
