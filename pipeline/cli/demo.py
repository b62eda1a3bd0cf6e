"""`driftledger demo`: a simulated cluster from nothing to a verified rollback, and a page that shows it."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

FAILED = 6
"""Exit code where no rollback happened, or its decision computed again is another one."""


def demo(
    headless: Annotated[
        bool, typer.Option("--headless", help="No page: end with 0 only if the rollback happened and holds.")
    ] = False,
    store: Annotated[
        Path | None, typer.Option("--store", "-s", metavar="DIR", help="Empty folder to keep the ledger in.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=90, help="Days of past.")] = 30,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same month.")] = 7,
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port of the page.")] = 8501,
) -> None:
    """Thirty days of a small cluster, then a worse model version that is caught and rolled back."""
    from pipeline.cli.listening import listen
    from pipeline.demo.run import run
    from pipeline.demo.story import Story
    from pipeline.settings.dashboard import DashboardSettings

    with ExitStack() as stack:
        folder = _folder(store, stack)
        if not headless:  # a port that is taken is told now, not after the story
            listen(DashboardSettings().host, port).close()
        with typer.progressbar(length=100, label="History", file=sys.stderr) as bar:
            story = Story(typer.echo, lambda share: bar.update(int(100 * share) - bar.pos))
            result = run(folder, datetime.now(UTC), seed=seed, days=days, told=story.told())
        story.end(result)
        if not result.succeeded:
            raise typer.Exit(FAILED)
        if not headless:
            from pipeline.cli.dashboard import serve
            from pipeline.settings.store import StoreSettings

            typer.echo(f"The ledger is in {folder}; press Ctrl-C to end.")
            serve(StoreSettings(folder), port=port)


def _folder(store: Path | None, stack: ExitStack) -> Path:
    """Where the demo's ledger goes; a ledger that is there already is never written to."""
    from pipeline.errors import ConfigError

    if store is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="driftledger-demo-")))
    if store.exists() and not (store.is_dir() and not any(store.iterdir())):
        raise ConfigError("--store", str(store), "name a folder that is empty or not there yet")
    return store
