"""`driftledger replay`: files of a known kind into the ledger."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.instant import instant
from pipeline.cli.options import StoreOption, now, writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from pipeline.replay.outcome import Outcome

REJECTED = 7
"""Exit code when something was refused; the rest is kept."""


class Kind(StrEnum):
    """The kinds of `collectors.catalogue`, and CloudEvents; a test holds the two equal."""

    azure_llm = "azure-llm"
    dcgm = "dcgm"
    dra = "dra"
    events = "events"
    gentd26 = "gentd26"
    hubble = "hubble"


class Form(StrEnum):
    table = "table"
    json = "json"


def replay(
    ctx: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="What the files hold.")],
    files: Annotated[list[str], typer.Argument(help="Files, patterns, .gz, .tar.gz; - is standard input.")],
    store: StoreOption = None,
    cluster: Annotated[
        str, typer.Option(help="The files' cluster; a file that is there already keeps its own.")
    ] = "default",
    time: Annotated[
        str | None, typer.Option(help="When it was observed, ISO 8601; default: each file's own time.")
    ] = None,
    interval: Annotated[
        float, typer.Option(min=1e-6, max=86_400, help="dcgm: seconds that a scrape alone speaks of.")
    ] = 30.0,
    output: Annotated[Form, typer.Option("--output", "-o", help="How to print the account.")] = Form.table,
) -> None:
    """Read files into the ledger as if their events came now; a file that it has already changes nothing.

    Exit codes: 0 all taken, 7 something refused, now or before (it is in the rejected table), 1 the account
    does not balance, 2 wrong usage, 3 no such file.
    """
    from pipeline.replay.report import as_json, as_text

    outcomes = []
    observed = None if time is None else instant(time, "--time")
    for outcome in _outcomes(ctx, kind, files, store, cluster, observed, interval):
        outcomes.append(outcome)
        if output is Form.table:
            typer.echo(as_text(kind, outcome))
    if output is Form.json:
        typer.echo(as_json(kind, outcomes))
    if not all(o.balanced for o in outcomes):
        raise typer.Exit(1)
    if any(o.some_refused for o in outcomes):
        raise typer.Exit(REJECTED)


def _outcomes(
    ctx: typer.Context,
    kind: Kind,
    files: list[str],
    store: Path | None,
    cluster: str,
    time: datetime | None,
    interval: float,
) -> Iterator[Outcome]:
    from collectors.catalogue import Context
    from pipeline.embedded import Embedded
    from pipeline.replay.events import replay_events
    from pipeline.replay.files import expand, read
    from pipeline.replay.kinds import replay as replay_files
    from pipeline.replay.report import progress

    paths = expand(files)
    arrival = now()
    contents = read(paths, time, arrival)
    with writing(ctx, store) as ledger, progress() as watch:
        embedded = Embedded(ledger)
        if kind is Kind.events:
            yield from replay_events(contents, embedded, arrival, watch)
        else:
            yield from replay_files(kind, contents, Context(cluster, interval), embedded, arrival, watch)
