"""`driftledger backfill`: files of a known kind to the broker, for workers to take."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.instant import instant
from pipeline.cli.options import now, settings
from pipeline.cli.replay import REJECTED, Form, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from collectors.catalogue import Context, File
    from collectors.publish.publisher import Publisher
    from collectors.publish.stats import Stats
    from pipeline.replay.files import Passed
    from pipeline.replay.outcome import Outcome
    from pipeline.settings.groups import Settings

SPOOL_BYTES = 67_108_864
"""The files themselves are the spool, so this one is small; while it is full, reading waits."""


def backfill(
    ctx: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="What the files hold.")],
    files: Annotated[list[str], typer.Argument(help="Files, patterns, .gz, .tar.gz; - is standard input.")],
    cluster: Annotated[str, typer.Option(help="Name of the cluster that the files come from.")] = "default",
    time: Annotated[
        str | None, typer.Option(help="When it was observed, ISO 8601; default: each file's own time.")
    ] = None,
    interval: Annotated[
        float, typer.Option(min=1e-6, max=86_400, help="dcgm: seconds that a scrape speaks of.")
    ] = 30.0,
    wait: Annotated[
        float, typer.Option(min=0, max=86_400, help="Seconds to wait for a broker that goes away.")
    ] = 60.0,
    output: Annotated[Form, typer.Option("--output", "-o", help="How to print the account.")] = Form.table,
) -> None:
    """Send files to Kafka as if their events came now; the same files sent again count once.

    What a ledger has from `replay` is not counted again, except for events that have an id and no sequence.
    Exit codes: 0 all is at the broker, 7 something refused (it is in the rejected topic), 2 wrong usage, 3 no
    such file, 5 the broker is away or says no: send the same again.
    """
    from collectors.catalogue import Context
    from pipeline.replay.files import expand, read

    paths = expand(files)
    arrival = now()
    contents = read(paths, None if time is None else instant(time, "--time"), arrival)
    with tempfile.TemporaryDirectory(prefix="driftledger-spool-") as spool:
        publisher = _publisher(settings(ctx), Path(spool))
        try:
            outcomes = _send(publisher, kind, contents, Context(cluster, interval), arrival, wait, output)
        finally:
            stats = publisher.close(timeout=0)
    if output is Form.json:
        typer.echo(_as_json(kind, outcomes, stats))
    else:
        typer.echo(_as_text(stats))
    if any(o.rejected or o.refused for o in outcomes):
        raise typer.Exit(REJECTED)


def _publisher(found: Settings, spool: Path) -> Publisher:
    from collectors.publish.publisher import Publisher
    from pipeline.broker.connection import admin
    from pipeline.broker.topics import ensure

    # Here a broker that is away is an error, not a reason to begin with the spool.
    with admin(found.kafka) as client:
        ensure(client, found.kafka)
    return Publisher.open(found.kafka, replace(found.publish, spool_folder=spool, spool_bytes=SPOOL_BYTES))


def _send(
    publisher: Publisher,
    kind: Kind,
    contents: Iterator[File | Passed],
    context: Context,
    arrival: datetime,
    wait: float,
    output: Form,
) -> list[Outcome]:
    """Everything to the broker; raises BrokerUnavailable where it does not come back in time."""
    from collectors.publish.outbox import Blocked
    from pipeline.broker.failures import BrokerUnavailable
    from pipeline.replay.backfill import Backfill
    from pipeline.replay.events import replay_events
    from pipeline.replay.kinds import replay
    from pipeline.replay.report import as_text, progress

    door, outcomes = Backfill(publisher, wait), []
    again = "send the same files again: what has arrived counts once"
    try:
        with progress() as watch:
            for outcome in (
                replay_events(contents, door, arrival, watch)
                if kind is Kind.events
                else replay(kind, contents, context, door, arrival, watch)
            ):
                outcomes.append(outcome)
                if output is Form.table:
                    typer.echo(as_text(kind, outcome))
            arrived = publisher.delivered(wait)
    except Blocked as error:
        raise BrokerUnavailable(f"{error}; {publisher.stats().last_error}; {again}") from error
    if not arrived:
        stats = publisher.stats()
        left = stats.messages - stats.acknowledged
        raise BrokerUnavailable(f"{left} messages have not arrived ({stats.last_error}); {again}")
    return outcomes


def _as_text(stats: Stats) -> str:
    sent = f"broker: {stats.messages:,} messages, {stats.bytes:,} bytes, {stats.acknowledged:,} acknowledged"
    return f"{sent}, {stats.refused:,} rows refused"


def _as_json(kind: str, outcomes: list[Outcome], stats: Stats) -> str:
    from pipeline.replay.report import as_json

    return json.dumps({"files": json.loads(as_json(kind, outcomes)), "broker": asdict(stats)}, indent=2)
