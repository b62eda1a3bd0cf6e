"""Why one day costs more than another: price, volume, mix or idle, in parts that sum to the difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from pipeline.answers.unit_price import rounded

PRICE, VOLUME, MIX, IDLE = "price", "volume", "mix", "idle"
Cell = tuple[str, ...]
"""What a line is about: team and GPU model."""


@dataclass(frozen=True, slots=True)
class Line:
    """GPU-hours that were held, their cost, the cost of what nobody held, and its GPU-hours."""

    hours: Decimal = Decimal(0)
    held: Decimal = Decimal(0)
    idle: Decimal = Decimal(0)
    idle_hours: Decimal = Decimal(0)


Lines = Mapping[Cell, Line]


@dataclass(frozen=True, slots=True)
class Drivers:
    """The parts of a difference in the currency; volume and mix are of what was held."""

    price: Decimal
    volume: Decimal
    mix: Decimal
    idle: Decimal
    culprit: Cell
    """The cell with the largest part in the largest driver."""

    @property
    def largest(self) -> str:
        parts = {PRICE: self.price, VOLUME: self.volume, MIX: self.mix, IDLE: self.idle}
        return max(parts, key=lambda name: abs(parts[name]))


def drivers(before: Lines, now: Lines) -> Drivers:
    """What of the difference in cost comes from where.

    With hours h and price p of each cell, and P the mean price before: volume is the change of all hours
    times P; price the change of each cell's price times its hours now; mix the rest of what was held: the
    same hours on dearer or cheaper cells; idle the change of each cell's idle hours at its old price.  A cell
    that is new has the price of now, so none of it is price.
    All but price are rounded to the millionth, and price takes the remainder: the sum is exact.
    """
    cells = sorted({*before, *now})
    pairs = {cell: (before.get(cell, Line()), now.get(cell, Line())) for cell in cells}
    hours = sum((Fraction(a.hours) for a, _ in pairs.values()), Fraction(0))
    cost = sum((Fraction(a.held) for a, _ in pairs.values()), Fraction(0))
    mean = cost / hours if hours else None
    moved = {cell: _moved(a.held, a.hours, b.held, b.hours) for cell, (a, b) in pairs.items()}
    idle = {cell: _moved(a.idle, a.idle_hours, b.idle, b.idle_hours) for cell, (a, b) in pairs.items()}
    grown = {cell: Fraction(b.hours) - Fraction(a.hours) for cell, (a, b) in pairs.items()}
    change = sum(moved.values(), Fraction(0))
    more = change if mean is None else mean * sum(grown.values(), Fraction(0))
    volume, mix = rounded(more), rounded(change - more)
    unheld = rounded(sum(idle.values(), Fraction(0)))
    all_of_it = sum((b.held - a.held + b.idle - a.idle for a, b in pairs.values()), Decimal(0))
    found = Drivers(all_of_it - volume - mix - unheld, volume, mix, unheld, ())
    by_cell: dict[str, dict[Cell, Fraction]] = {
        PRICE: {
            c: Fraction(b.held + b.idle) - Fraction(a.held + a.idle) - moved[c] - idle[c]
            for c, (a, b) in pairs.items()
        },
        VOLUME: moved,
        MIX: moved if mean is None else {c: moved[c] - mean * grown[c] for c in cells},
        IDLE: idle,
    }
    parts = by_cell[found.largest]
    culprit = max(cells, key=lambda c: (abs(parts[c]), c), default=())
    return Drivers(found.price, found.volume, found.mix, found.idle, culprit)


def _moved(was: Decimal, was_hours: Decimal, cost: Decimal, hours: Decimal) -> Fraction:
    """The change of a cell's hours at its old price; what costs without hours has moved as a whole."""
    old, new = (Fraction(c) / Fraction(h) if h else None for c, h in ((was, was_hours), (cost, hours)))
    if old is None and new is None:
        return Fraction(cost) - Fraction(was)
    price = old if old is not None else new
    return (Fraction(hours) - Fraction(was_hours)) * (price or 0)
