"""On what terms a team pays: charged or only shown, mark-up, tax, ledger account; from a YAML file."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Literal

from pipeline import yaml_file
from pipeline.errors import ConfigError
from pipeline.sections import Section

Mode = Literal["chargeback", "showback"]
CHARGEBACK, SHOWBACK = "chargeback", "showback"


@dataclass(frozen=True, slots=True)
class Term:
    """Percents are of what a team's usage and corrections come to; tax is of that with the mark-up."""

    mode: Mode = "chargeback"
    markup_percent: Decimal = Decimal(0)
    tax_percent: Decimal = Decimal(0)
    gl_code: str = ""
    cost_centre: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """`version` is what the file calls itself, with a digest of what it holds; '' is no file."""

    version: str = ""
    usual: Term = Term()
    teams: tuple[tuple[str, Term], ...] = ()

    def of(self, team: str) -> Term:
        return dict(self.teams).get(team, self.usual)


def load(path: str) -> Terms:
    """NotFound where there is no such file; no terms where none is named ('')."""
    return parse(yaml_file.read_text(path)) if path else Terms()


def parse(text: str) -> Terms:
    top = Section("", yaml_file.document(text, as_text=True))
    version = top.text("version")
    usual = _term(top.section("usual", required=False), Term())
    named = top.section("teams", required=False)
    teams = tuple((name, _term(named.section(name), usual)) for name in named.names())
    top.done()
    return Terms(f"{version}@{sha256(text.encode()).hexdigest()[:8]}", usual, teams)


def _term(row: Section, usual: Term) -> Term:
    mode: Mode = (
        "showback" if row.choice("mode", (CHARGEBACK, SHOWBACK), usual.mode) == SHOWBACK else "chargeback"
    )
    found = Term(
        mode,
        _percent(row, "markup_percent", usual.markup_percent),
        _percent(row, "tax_percent", usual.tax_percent),
        row.text("gl_code", usual.gl_code),
        row.text("cost_centre", usual.cost_centre),
    )
    row.done()
    return found


def _percent(row: Section, name: str, usual: Decimal) -> Decimal:
    text = row.text(name, f"{usual:f}")
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(-1)
    exponent = number.as_tuple().exponent
    if not (number.is_finite() and 0 <= number <= 1000 and isinstance(exponent, int) and exponent >= -6):
        raise ConfigError(row.key(name), text, "write per cent, for example 19 or 2.5")
    return number
