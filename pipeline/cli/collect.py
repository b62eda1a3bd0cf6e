"""`driftledger collect KIND`: one live source, until it is told to stop."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import failure
from pipeline.cli.options import StoreOption, settings, writing
from pipeline.cli.worker import Level, LogForm
from pipeline.errors import DriftledgerError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.collect.doors import Door


def collect(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(help="Which source; its settings are the group of this name.")],
    store: StoreOption = None,
    log: Annotated[LogForm, typer.Option(help="Form of the log on stderr.")] = LogForm.lines,
    log_level: Annotated[Level, typer.Option(help="debug shows stack traces too.")] = Level.info,
) -> None:
    """Read a source and send what it says to Kafka, or with --store straight into a ledger.

    SIGTERM or SIGINT: it ends with 0; what is not safe by then is read again.  Exit codes: 2 no such kind,
    4 a wrong setting, 5 something is not there that no waiting mends, 1 anything else.
    """
    from collectors.live.catalogue import LIVE
    from pipeline.collect.run import collect as run
    from pipeline.health.logs import set_up

    if kind not in LIVE:
        known = ", ".join(sorted(LIVE))
        raise typer.BadParameter(f"no collector {kind!r}; there are {known}", param_hint="KIND")
    set_up(as_json=log is LogForm.json, level=log_level.upper())
    code = 0
    with ExitStack() as opened:
        try:
            run([kind], settings(ctx), lambda: _door(ctx, store, opened))
        except DriftledgerError as error:
            logging.getLogger("driftledger.collect").error("%s", error, exc_info=error)
            code = error.exit_code
        except Exception as error:
            code = failure.report(error)
    logging.shutdown()
    sys.stdout.flush()
    # A thread may still hang in a connection to a source that is away; the work is done.
    os._exit(code)


def _door(ctx: typer.Context, store: Path | None, opened: ExitStack) -> Door:
    from pipeline.collect import doors
    from pipeline.settings.collect import Target

    chosen = settings(ctx)
    if store is not None or chosen.collect.to is Target.ledger:
        from pipeline.embedded import Embedded

        return doors.Ledger(Embedded(opened.enter_context(writing(ctx, store, threads=1))))
    from collectors.publish.publisher import Publisher

    return doors.Broker(opened.enter_context(Publisher.open(chosen.kafka, chosen.publish)))
