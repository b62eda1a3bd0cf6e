"""`driftledger rejected`: what was refused, and a second look that takes what is good now."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    INCOMPLETE,
    OutputOption,
    StoreOption,
    dimensions,
    now,
    reading,
    settings,
    show,
    writing,
)
from pipeline.cli.output import Output
from pipeline.errors import ConfigError, NotFound, PreflightFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.events import Message
    from pipeline.repair.refused import Place, Refused
    from pipeline.repair.run import Read

HELP = "What was refused: listed, shown whole, looked at again."

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=HELP)

ReasonOption = Annotated[str, typer.Option("--reason", metavar="CODE", help="Only refusals for this reason.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    store: StoreOption = None,
    window: Annotated[
        str | None, typer.Option("--window", "-w", metavar="WINDOW", help="As in other answers; else all.")
    ] = None,
    reason: ReasonOption = "",
    by: Annotated[list[str], typer.Option("--by", metavar="reason,topic", help="Sums instead.")] = [],  # noqa: B006
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="Most lines.")] = 100,
    output: OutputOption = Output.table,
) -> None:
    """Refused messages and rows, the newest first, and what of them is repaired."""
    from pipeline.answers.rejected import rejected
    from pipeline.answers.window import parse_window

    span = None if window is None else parse_window(window, now())
    with reading(ctx, store) as ledger:
        answer = rejected(ledger, span, reason=reason, by=tuple(dimensions(by)), limit=limit)
    show(answer, output)


@app.command("show")
def show_one(
    ctx: typer.Context,
    topic: Annotated[str, typer.Argument(help="As `list` names it.")],
    partition: Annotated[int, typer.Argument(min=0)],
    offset: Annotated[int, typer.Argument(min=0)],
    store: StoreOption = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Write the whole body there, byte for byte.")
    ] = None,
    output: OutputOption = Output.table,
) -> None:
    """One refused message: why, its headers and its body, read again from the broker where it is longer.

    Exit codes: 3 nothing was refused there, or the whole body is gone; 5 the broker is not there, or the file
    cannot be written.
    """
    from pipeline.repair.shown import shown

    with reading(ctx, store) as ledger:
        answer, body = shown(ledger, topic, partition, offset, _broker(ctx))
    if save is not None:
        if body is None:
            raise NotFound(
                f"the whole body of {topic} {partition} {offset} is neither in the ledger nor in a broker"
            )
        _save(save, body)
    show(answer, output)


@app.command()
def retry(
    ctx: typer.Context,
    topic: Annotated[str, typer.Argument(help="One message, as `list` names it; without: all.")] = "",
    partition: Annotated[int, typer.Argument(min=0)] = 0,
    offset: Annotated[int, typer.Argument(min=-1)] = -1,
    store: StoreOption = None,
    reason: ReasonOption = "",
    body: Annotated[
        Path | None, typer.Option("--body", metavar="FILE", help="Repaired body to take for the one message.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be taken; write nothing.")
    ] = False,
) -> None:
    """Look again at what was refused, and take what is good now, once, however often this runs.

    Rows of a message that were taken when it came are never taken again.
    Exit codes: 0 nothing stays refused, 7 something does, 3 nothing was refused there, 5 no broker.
    """
    from pipeline.repair.refused import still_refused
    from pipeline.repair.run import retry as run

    if bool(topic) != (offset >= 0):
        raise ConfigError("retry", topic, "write TOPIC PARTITION OFFSET, all three or none")
    if body is not None and not topic:
        raise ConfigError("--body", str(body), "name the message that it is for: TOPIC PARTITION OFFSET")
    replaced = None if body is None else _content(body)
    with (reading if dry_run else writing)(ctx, store) as ledger:
        wanted = still_refused(ledger, reason=reason, topic=topic, partition=partition, offset=max(offset, 0))
        if topic and not wanted:
            raise NotFound(f"nothing of {topic} {partition} {offset} is refused, or it is repaired already")
        if len({r.place.topic_id for r in wanted}) > 1 and body is not None:
            raise ConfigError(
                "--body", str(body), f"{topic} was created anew: several messages had this place"
            )
        with typer.progressbar(length=len(wanted), label="Retry", file=sys.stderr) as bar:
            moment = _microseconds()
            account = run(
                ledger, wanted, _broker(ctx), moment, dry_run=dry_run, body=replaced, told=bar.update
            )
    typer.echo(account.as_text(dry_run=dry_run))
    if not account.complete:
        raise typer.Exit(INCOMPLETE)


def _save(file: Path, body: bytes) -> None:
    try:
        file.write_bytes(body)
    except OSError as error:
        raise PreflightFailed(f"cannot write {file}: {error.strerror}") from error


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise NotFound(f"cannot read {file}: {error.strerror}") from error


def _microseconds() -> int:
    from datetime import datetime, timedelta

    return (now() - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def _broker(ctx: typer.Context) -> Read:
    """Reads messages of the configured broker, which is asked only if there is something to read."""
    kafka = settings(ctx).kafka

    def read(wanted: Sequence[Refused]) -> dict[Place, Message]:
        from pipeline.repair.whole import read as read_broker

        return read_broker(kafka, wanted)

    return read
