"""`driftledger api`: the ledger's costs in OpenCost's HTTP shape, read-only."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from pipeline.cli.listening import listen
from pipeline.cli.options import StoreOption, reading, settings
from pipeline.cli.price_options import CurrencyOption, GpuHourOption, PricesOption, price_book
from pipeline.cli.process import Level, LevelOption, LogForm, LogOption, run


def api(
    ctx: typer.Context,
    store: StoreOption = None,
    port: Annotated[
        int | None, typer.Option("--port", "-p", min=0, max=65_535, help="Port; 0 takes a free one.")
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: CurrencyOption = "USD",
    log: LogOption = LogForm.lines,
    log_level: LevelOption = Level.info,
) -> None:
    """Serve /allocation, /allocation/compute, /assets, /healthz and /readyz until stopped.

    SIGTERM or SIGINT: it ends with 0.  Exit codes: 3 no ledger, 4 a wrong setting, 5 the port is taken.
    """

    def work() -> None:
        from pipeline.opencost.allocation import Prices
        from pipeline.opencost.server import Api, server
        from pipeline.ownership.file import load

        chosen = settings(ctx)
        book = price_book(prices, gpu_hour_price, currency)
        worth = Prices(book, currency, load(chosen.cost.ownership))
        with (
            reading(ctx, store) as ledger,
            listen(host or chosen.api.host, chosen.api.port if port is None else port) as bound,
        ):
            address = bound.getsockname()
            print(f"OpenCost's API on http://{address[0]}:{address[1]} (Ctrl-C ends it)", flush=True)
            for stop in (signal.SIGTERM, signal.SIGINT):
                signal.signal(stop, _noted)  # uvicorn raises it again once it has stopped
            server(Api(ledger, worth, chosen.cost)).run([bound])

    run(work, "driftledger.api", log, log_level)


def _noted(*_: object) -> None:
    """The end it asks for has come already."""
