"""`driftledger report verify`: closed months computed again, and compared with their hashes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.month_options import month_of
from pipeline.cli.options import OutputOption, StoreOption, now, place, reading, settings, show
from pipeline.cli.output import Output

if TYPE_CHECKING:
    from pipeline.answers.answer import Answer
    from pipeline.months.verify import Checked, Snapshots
    from pipeline.store import Store
    from reports.ledger_lines import Mapping

DIFFERS = 6
"""Exit code where a month or a file is not what was closed."""


def verify(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="A statement, ledger lines or FOCUS rows; else the months themselves."
        ),
    ] = None,
    month: Annotated[
        str | None, typer.Option("--month", metavar="YYYY-MM", help="One month; else all that are closed.")
    ] = None,
    store: StoreOption = None,
    output: OutputOption = Output.table,
) -> None:
    """Compute closed months again from their snapshots, and compare their hashes, the chain, and the file.

    Exit codes: 3 nothing is closed, 6 something differs.
    """
    from pipeline.errors import ConfigError, NotFound
    from pipeline.months.close import Refused
    from pipeline.months.verify import lost
    from pipeline.months.verify import verify as check
    from pipeline.store import Store
    from reports.ledger_lines import mapping

    at: datetime | None = month_of(month).start if month else None
    if file is not None and month is not None:
        raise ConfigError("--month", month, "name a file or a month; a file says itself which month it is of")
    where = place(ctx, store)
    with reading(ctx, store) as ledger:
        if file is not None:
            columns = mapping(settings(ctx).closing.ledger_columns)
            _file(ledger, lambda snapshot: Store.open(where, snapshot=snapshot), file, columns, output)
            return
        found = check(ledger, lambda snapshot: Store.open(where, snapshot=snapshot), at)
        gone = lost(ledger)
    if not found and gone:
        raise Refused(gone)
    if not found:
        raise NotFound(f"{month} is not closed" if month else "no month is closed")
    show(_answer(found), output)
    if any(one.problems for one in found):
        raise typer.Exit(DIFFERS)


def _file(ledger: Store, at: Snapshots, file: Path, named: Mapping, output: Output) -> None:
    from pipeline.answers.answer import Answer, Column
    from reports.verify import verify_file

    found = verify_file(ledger, at, file, named)
    columns = (Column("statement"), Column("hash", kind="identity"), Column("in_all"), Column("result"))
    when = found.handed_over
    good = "as it was closed" if when is None else f"as it was handed over at {when:%Y-%m-%d %H:%M}Z"
    row = (found.of, found.hash, found.total, "; ".join(found.problems) or good)
    show(Answer(columns, (row,), now(), None), output)
    if found.problems:
        raise typer.Exit(DIFFERS)


def _answer(found: list[Checked]) -> Answer:
    from pipeline.answers.answer import Answer, Column

    columns = (Column("month"), Column("hash", kind="identity"), Column("result"))
    rows = tuple((f"{c.month:%Y-%m}", c.hash, "; ".join(c.problems) or "as it was closed") for c in found)
    return Answer(columns, rows, now(), None)
