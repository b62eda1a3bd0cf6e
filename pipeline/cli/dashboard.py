"""`driftledger dashboard`: the pages for a browser, served from this process."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from socket import socket
from typing import Annotated

import typer

from pipeline.cli.listening import listen
from pipeline.cli.options import StoreOption, place, settings
from pipeline.cli.price_options import PricesOption, price_book
from pipeline.intensity import load as load_intensity
from pipeline.ownership.file import load as load_owners
from pipeline.settings.groups import Settings
from pipeline.settings.load import as_environment
from pipeline.settings.store import StoreSettings


def dashboard(
    ctx: typer.Context,
    store: StoreOption = None,
    port: Annotated[
        int | None, typer.Option("--port", "-p", min=0, max=65_535, help="Port; 0 takes a free one.")
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    prices: PricesOption = None,
) -> None:
    """Serve the pages until Ctrl-C."""
    chosen = settings(ctx)
    if prices is not None:
        chosen = replace(chosen, dashboard=replace(chosen.dashboard, prices=str(prices.resolve())))
    check(chosen)
    serve(place(ctx, store), host=host, port=port, base=chosen)


def check(chosen: Settings) -> None:
    """Raises ConfigError for an error in the files that the pages read: it is said here, not on a page."""
    load_owners(chosen.cost.ownership)
    load_intensity(chosen.energy.intensity)
    if chosen.dashboard.prices:
        price_book(Path(chosen.dashboard.prices), None, "USD")


def serve(
    ledger: StoreSettings, *, host: str | None = None, port: int | None = None, base: Settings | None = None
) -> None:
    """Serve the ledger; raises PreflightFailed where the port is taken."""
    base = base or Settings()
    host = host or base.dashboard.host
    listening = listen(host, base.dashboard.port if port is None else port)
    os.environ.update(environment(base, ledger, listening))
    print(f"Overview on http://{host}:{listening.getsockname()[1]} (Ctrl-C ends it)", flush=True)
    from dashboards.server import serve as serve_pages

    serve_pages(listening)


def environment(base: Settings, ledger: StoreSettings, listening: socket) -> dict[str, str]:
    """The settings of pages of this ledger on this socket, as the variables from which they read them."""
    host, port = listening.getsockname()[:2]
    chosen = replace(
        base,
        store=replace(ledger, folder=ledger.folder.resolve()),
        dashboard=replace(base.dashboard, host=host, port=port),
    )
    return as_environment(chosen)
