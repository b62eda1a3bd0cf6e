"""`driftledger collect KIND`: one live source, until it is told to stop."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import StoreOption, settings, writing
from pipeline.cli.process import Level, LevelOption, LogForm, LogOption, run

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.collect.doors import Door
    from pipeline.collect.publishing import Numbers


def collect(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(help="Which source; its settings are the group of this name.")],
    store: StoreOption = None,
    log: LogOption = LogForm.lines,
    log_level: LevelOption = Level.info,
) -> None:
    """Read a source and send what it says to Kafka, or with --store straight into a ledger.

    SIGTERM or SIGINT: it ends with 0; what is not safe by then is read again.  Exit codes: 2 no such kind,
    4 a wrong setting, 5 something is not there that no waiting mends, 1 anything else.
    """
    from collectors.live.catalogue import LIVE

    if kind not in LIVE:
        known = ", ".join(sorted(LIVE))
        raise typer.BadParameter(f"no collector {kind!r}; there are {known}", param_hint="KIND")
    run(lambda: _collect(ctx, kind, store), "driftledger.collect", log, log_level)


def _collect(ctx: typer.Context, kind: str, store: Path | None) -> None:
    from pipeline.collect.publishing import Numbers
    from pipeline.collect.run import collect as collecting

    numbers = Numbers()
    with ExitStack() as opened:
        door = partial(_door, ctx, store, opened, numbers)
        collecting([kind], settings(ctx), door, numbers=[numbers])


def _door(ctx: typer.Context, store: Path | None, opened: ExitStack, numbers: Numbers, own: Path) -> Door:
    from pipeline.collect import doors
    from pipeline.settings.collect import Target

    chosen = settings(ctx)
    if store is not None or chosen.collect.to is Target.ledger:
        from pipeline.embedded import Embedded

        return doors.Ledger(Embedded(opened.enter_context(writing(ctx, store, threads=1))))
    from collectors.publish.publisher import Publisher

    publish = replace(chosen.publish, spool_folder=chosen.publish.spool_folder / own)
    publisher = opened.enter_context(Publisher.open(chosen.kafka, publish))
    numbers.of = publisher.stats
    return doors.Broker(publisher)
