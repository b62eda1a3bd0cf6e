"""Lines for a general ledger: what each charged team owes, with the columns that a mapping file names."""

from __future__ import annotations

import csv
from collections import defaultdict
from decimal import Decimal
from io import StringIO

from pipeline import yaml_file
from pipeline.answers.money import minor_digits, to_cents
from pipeline.answers.window import DAY
from pipeline.errors import ConfigError
from pipeline.sections import Section
from reports.statement import Statement, Team

FIELDS = (
    "date", "period", "gl_code", "cost_centre", "team", "kind", "amount", "currency", "description", "hash",
)  # fmt: skip
USUAL = tuple((field, field) for field in FIELDS)
Mapping = tuple[tuple[str, str], ...]
"""Column of the file and field, in the order of the columns."""


def mapping(path: str) -> Mapping:
    """A YAML file `columns: {Posting date: date, ...}`; the fields' own names where none is named."""
    if not path:
        return USUAL
    top = Section("", yaml_file.document(yaml_file.read_text(path), as_text=True))
    columns = top.section("columns")
    found = tuple((name, columns.text(name)) for name in columns.names())
    top.done()
    for name, field in found:
        if field not in FIELDS:
            raise ConfigError(columns.key(name), field, f"write one of {', '.join(FIELDS)}")
        if not name.strip():
            raise ConfigError("columns", name, "give every column a name")
    if "amount" not in dict(found).values():
        raise ConfigError(
            "columns", [field for _, field in found], "name a column of amount: it is what is posted"
        )
    return found


def render(of: Statement, columns: Mapping = USUAL) -> str:
    """A row a team, kind and currency, of the month's last day; teams that are only shown are left out.

    Raises ConfigError where the rows are in several currencies and no column says which.
    """
    rows = _rows(of)
    codes = sorted({row["currency"] for row in rows})
    if len(codes) > 1 and "currency" not in dict(columns).values():
        said = f"{of.month.start:%Y-%m} has amounts in {' and '.join(codes)}: name a column of currency"
        raise ConfigError("closing.ledger_columns", [field for _, field in columns], said)
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_text(name) for name, _ in columns])
    for row in rows:
        writer.writerow([_text(row[field]) for _, field in columns])
    return out.getvalue()


def _rows(of: Statement) -> list[dict[str, str]]:
    found = []
    for team in of.teams:
        if not team.is_charged:
            continue
        sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        sums["usage", of.currency] += team.amounts.total or Decimal(0)
        for c in team.more:
            sums[c.kind, c.currency] += c.amount or Decimal(0)
        for (kind, currency), amount in sums.items():
            if amount:
                found.append(_row(of, team, kind, currency, amount))
    return found


def _row(of: Statement, team: Team, kind: str, currency: str, amount: Decimal) -> dict[str, str]:
    period = f"{of.month.start:%Y-%m}"
    description = f"GPU {kind} {period} {team.name}"
    values = (
        f"{of.month.end - DAY:%Y-%m-%d}", period, team.term.gl_code, team.cost_centre, team.name, kind,
        f"{to_cents(amount, minor_digits(currency)):f}", currency, description, of.hash,
    )  # fmt: skip
    return dict(zip(FIELDS, values, strict=True))


def _text(value: str) -> str:
    """A leading ' where a spreadsheet would run the text; an amount may begin with a minus."""
    runs = value.startswith(("=", "+", "@", "\t", "\r", "\n"))
    is_text = value.startswith("-") and not value[1:].replace(".", "").isdigit()
    return f"'{value}" if runs or is_text else value
