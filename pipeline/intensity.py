"""Carbon intensity of electricity from a YAML file: gCO2e a kWh by region, dated, with its source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from pathlib import Path

from pipeline import yaml_file
from pipeline.errors import ConfigError
from pipeline.sections import Section


@dataclass(frozen=True, slots=True)
class Row:
    """Holds in [valid_from, valid_to), days of UTC; '' in provider or region fits any."""

    provider: str
    region: str
    grams_per_kwh: Decimal
    pue: Decimal
    """Energy of the building per energy of its machines, 1 or more (power usage effectiveness)."""
    source: str
    valid_from: date
    valid_to: date

    def fits(self, provider: str, region: str, day: date) -> bool:
        placed = self.provider in ("", provider) and self.region in ("", region)
        return placed and self.valid_from <= day < self.valid_to

    @property
    def specific(self) -> int:
        return bool(self.provider) + bool(self.region)


@dataclass(frozen=True, slots=True)
class Intensity:
    """`version` is what the file calls itself, with a digest of what it holds; '' is no file."""

    version: str = ""
    rows: tuple[Row, ...] = ()

    def at(self, provider: str, region: str, day: date) -> Row | None:
        """The row that names most of the place, None where none fits; ConfigError where two do alike."""
        found = [row for row in self.rows if row.fits(provider, region, day)]
        best = max((row.specific for row in found), default=0)
        held = [row for row in found if row.specific == best]
        if len(held) > 1:
            remedy = f"two rows hold on {day}; end the first with valid_to where the second begins"
            raise ConfigError("intensity", f"{provider} {region}", remedy)
        return held[0] if held else None


def load(path: str | Path) -> Intensity:
    """NotFound where there is no such file; no rows where no file is named ('')."""
    return parse(yaml_file.read_text(path)) if str(path) else Intensity()


def parse(text: str) -> Intensity:
    top = Section("", yaml_file.document(text, as_text=True))
    version = top.text("version")
    rows = tuple(_row(Section(f"intensity[{i}]", row)) for i, row in enumerate(top.sequence("intensity")))
    top.done()
    return Intensity(f"{version}@{sha256(text.encode()).hexdigest()[:8]}", rows)


def _row(row: Section) -> Row:
    start, end = row.day("valid_from", date.min), row.day("valid_to", date.max)
    if start >= end:
        raise ConfigError(row.key("valid_to"), f"{end}", "write a day after valid_from")
    grams, pue = _number(row, "grams_per_kwh", 0, 5_000), Decimal(1)
    if row.has("pue"):
        pue = _number(row, "pue", 1, 10)
    # Without a source nobody can check the number.
    found = Row(row.text("provider", ""), row.text("region", ""), grams, pue, row.text("source"), start, end)
    row.done()
    return found


def _number(row: Section, name: str, least: int, most: int) -> Decimal:
    text = row.text(name)
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(-1)
    if not (number.is_finite() and least <= number <= most):
        raise ConfigError(row.key(name), text, f"write a number from {least} to {most}")
    return number
