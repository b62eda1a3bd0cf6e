"""`driftledger report deliver`: closed months to the targets that have not got them."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.month_options import month_of
from pipeline.cli.options import OutputOption, StoreOption, changing, now, place, settings, show
from pipeline.cli.output import Output
from pipeline.errors import ConfigError

FAILED = 6
"""Exit code where a target did not take its files; the next call tries again."""


def deliver(
    ctx: typer.Context,
    since: Annotated[
        str | None, typer.Option("--since", metavar="YYYY-MM", help="No month before; else every closed one.")
    ] = None,
    store: StoreOption = None,
    output: OutputOption = Output.table,
) -> None:
    """Hand every closed month to each target of closing.delivery that has not got it, once.

    Exit code 6 where a target did not take it.
    """
    from pipeline.answers.answer import Answer, Column
    from pipeline.store import Store
    from reports.delivery import SENT
    from reports.delivery import deliver as hand
    from reports.ledger_lines import mapping
    from reports.targets import load

    chosen = settings(ctx).closing
    targets = load(chosen.delivery)
    if not targets:
        raise ConfigError("closing.delivery", chosen.delivery, "name a YAML file of targets")
    first, where = month_of(since).start if since else None, place(ctx, store)
    columns = (Column("month"), Column("target"), Column("state"), Column("detail"))
    with changing(ctx, store) as ledger:
        named = mapping(chosen.ledger_columns)
        tried = hand(ledger, lambda n: Store.open(where, snapshot=n), targets, now(), first, named)
    rows = tuple((f"{r['month']:%Y-%m}", r["target"], r["state"], r["detail"]) for r in tried)
    show(Answer(columns, rows, now(), None), output)
    if any(row["state"] != SENT for row in tried):
        raise typer.Exit(FAILED)
