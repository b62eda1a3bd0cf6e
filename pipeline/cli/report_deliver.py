"""`driftledger report deliver`: closed months to the targets that have not got them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.month_options import month_of
from pipeline.cli.options import OutputOption, StoreOption, changing, now, place, settings, show
from pipeline.cli.output import Output
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.months.verify import Snapshots
    from pipeline.store import Store
    from reports.delivery import Row
    from reports.ledger_lines import Mapping
    from reports.targets import Target

FAILED = 6
"""Exit code where a target did not take its files, which the next call tries again, or a recipient none."""


def deliver(
    ctx: typer.Context,
    since: Annotated[
        str | None, typer.Option("--since", metavar="YYYY-MM", help="No month before; else every closed one.")
    ] = None,
    again: Annotated[
        str | None,
        typer.Option("--again", metavar="TARGET", help="Once more to this target, whatever is told of it."),
    ] = None,
    month: Annotated[
        str | None, typer.Option("--month", metavar="YYYY-MM", help="The month that goes there again.")
    ] = None,
    store: StoreOption = None,
    output: OutputOption = Output.table,
) -> None:
    """Hand every closed month to each target of closing.delivery that has not got it, once.

    With --again and --month, one month to one target although it has it, or may have it.
    Exit code 6 where a target did not take it, or a mail was refused for one of its recipients.
    """
    from pipeline.answers.answer import Answer, Column
    from pipeline.store import Store
    from reports import delivery
    from reports.ledger_lines import mapping
    from reports.targets import load

    chosen = settings(ctx).closing
    targets = load(chosen.delivery)
    if not targets:
        raise ConfigError("closing.delivery", chosen.delivery, "name a YAML file of targets")
    one = _one(again, month, targets)
    first, where = month_of(since).start if since else None, place(ctx, store)
    columns = (Column("month"), Column("target"), Column("state"), Column("detail"))
    named = mapping(chosen.ledger_columns)
    with changing(ctx, store) as ledger:
        if one is None:
            tried = delivery.deliver(
                ledger, lambda n: Store.open(where, snapshot=n), targets, now, first, named
            )
        else:
            tried = [_again(ledger, lambda n: Store.open(where, snapshot=n), *one, named)]
        done = {(row["month"], row["target"]) for row in tried}
        left = [r for r in delivery.held_up(ledger, targets, now()) if (r["month"], r["target"]) not in done]
    rows = tuple((f"{r['month']:%Y-%m}", r["target"], r["state"], r["detail"]) for r in tried)
    show(Answer(columns, rows, now(), None), output)
    for row in left:
        typer.echo(f"{row['month']:%Y-%m} to {row['target']}: {_held_up(row)}", err=True)
    if not all(map(delivery.is_all_there, tried)) or any(row["state"] == delivery.FAILED for row in left):
        raise typer.Exit(FAILED)


def _held_up(row: Row) -> str:
    from reports.delivery import SENDING

    at = f"{row['time']:%Y-%m-%d %H:%M}Z"
    if row["state"] == SENDING:
        return f"somebody else is handing it over since {at}"
    return f"failed at {at}, {row['detail']}; a later call tries it again, and --again does now"


def _one(again: str | None, month: str | None, targets: Sequence[Target]) -> tuple[datetime, Target] | None:
    if again is None and month is None:
        return None
    if again is None or month is None:
        raise ConfigError("--again", again, "name a target with --again and a month with --month")
    found = next((target for target in targets if target.name == again), None)
    if found is None:
        known = ", ".join(target.name for target in targets)
        raise ConfigError("--again", again, f"name one of the targets of closing.delivery: {known}")
    return month_of(month).start, found


def _again(store: Store, at: Snapshots, month: datetime, target: Target, columns: Mapping) -> Row:
    from pipeline.months.close import Refused
    from pipeline.months.closings import closing
    from reports.delivery import again

    row = again(store, at, target, closing(store, month), now, columns)
    if row is None:
        raise Refused(f"somebody is handing {month:%Y-%m} to {target.name} now; look again in an hour")
    return row
