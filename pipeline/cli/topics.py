"""`driftledger topics`: the topics of all event types, and whether they are as they must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pipeline.cli.options import OutputOption, settings, show
from pipeline.cli.output import Output

if TYPE_CHECKING:
    from pipeline.answers.answer import Answer, Value
    from pipeline.broker.topics import Topic

NOT_READY = 5

app = typer.Typer(
    rich_markup_mode=None,
    invoke_without_command=True,
    help="The topics of all event types: as they are, and what must be changed.",
)


@app.callback()
def topics(ctx: typer.Context, output: OutputOption = Output.table) -> None:
    """List every topic with its limits; exit code 5 where one is missing or not as it must be."""
    if ctx.invoked_subcommand is not None:
        return
    from pipeline.broker.connection import admin
    from pipeline.broker.topics import described, judge, sentences

    kafka = settings(ctx).kafka
    with admin(kafka) as client:
        found = described(client)
    wrong = [finding for topic in found.values() for finding in judge(topic, kafka)]
    show(_answer(found, {finding.topic for finding in wrong}, sentences(wrong)), output)
    if wrong or len(found) < len(_names()):
        raise typer.Exit(NOT_READY)


@app.command()
def create(ctx: typer.Context) -> None:
    """Make the topics that are missing; those that are there are left as they are."""
    from pipeline.broker.connection import admin
    from pipeline.broker.topics import create as make
    from pipeline.broker.topics import described

    kafka = settings(ctx).kafka
    with admin(kafka) as client:
        there = described(client)
        missing = [name for name in _names() if name not in there]
        if missing:
            make(client, kafka, missing)
    typer.echo(f"{len(missing)} topics made, {len(there)} were there")


def _names() -> list[str]:
    from pipeline.broker.topics import names

    return names()


def _answer(found: dict[str, Topic], wrong: set[str], notes: list[str]) -> Answer:
    from pipeline.answers.answer import Answer, Column

    columns = (
        Column("topic"),
        Column("state"),
        Column("partitions", kind="integer"),
        Column("replication", kind="integer"),
        Column("retention"),
        Column("max_message", "bytes", "integer"),
        Column("id", wide=True),
    )
    missing = [name for name in _names() if name not in found]
    if missing:
        notes.append(f"missing: {', '.join(missing)}; `driftledger topics create` makes them")
    rows = [_row(name, found.get(name), name in wrong) for name in _names()]
    return Answer(columns, tuple(rows), as_of=None, completeness=None, notes=tuple(notes))


def _row(name: str, topic: Topic | None, is_wrong: bool) -> tuple[Value, ...]:
    if topic is None:
        return (name, "missing", None, None, None, None, None)
    state = "wrong" if is_wrong else "ok"
    kept = "unlimited" if topic.retention_ms == -1 else f"{topic.retention_ms // 3_600_000}h"
    return (name, state, topic.partitions, topic.replication, kept, topic.max_message_bytes, topic.id)
