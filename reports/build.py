"""The files of a month's statements: of all teams, and of each team alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from reports import (
    files,
    focus,
    ledger_lines,
    statement_csv,
    statement_html,
    statement_parquet,
    statement_pdf,
    statement_xlsx,
)
from reports.statement import Statement
from reports.team import of_team

FORMS: dict[str, Callable[[Statement], bytes]] = {
    "pdf": statement_pdf.render,
    "html": lambda of: statement_html.render(of).encode(),
    "xlsx": statement_xlsx.render,
    "csv": lambda of: statement_csv.render(of).encode(),
    "parquet": statement_parquet.render,
}
"""What a statement can be written as, by the end of its name."""


def contents(
    whole: Statement, columns: ledger_lines.Mapping = ledger_lines.USUAL
) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every file: statement-YYYY-MM[-TEAM].FORM of all and each team, and FOCUS of all."""
    for of in chain([whole], (of_team(whole, team.name) for team in whole.teams)):
        for form, render in FORMS.items():
            yield name(of, form), render(of)
    yield from for_programs(whole, columns)


def name(of: Statement, form: str) -> str:
    """Of the statement's file in that form."""
    whose = f"-{files.file_name(of.of)}" if of.of else ""
    return f"statement-{of.month.start:%Y-%m}{whose}.{form}"


def for_programs(
    whole: Statement, columns: ledger_lines.Mapping = ledger_lines.USUAL
) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the lines for a general ledger, and of the FOCUS rows of each version."""
    yield f"ledger-{whole.month.start:%Y-%m}.csv", ledger_lines.render(whole, columns).encode()
    for version in focus.VERSIONS:
        yield from focus.files(whole, version)


def build(whole: Statement, folder: Path, columns: ledger_lines.Mapping = ledger_lines.USUAL) -> list[Path]:
    """Write them all; returns their paths.  Raises OSError, and then none was replaced by a part of one."""
    return files.write(folder, dict(contents(whole, columns)))
