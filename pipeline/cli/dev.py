"""`driftledger dev up`: Kafka, and if wanted PostgreSQL and S3, on this machine until Ctrl-C."""

from __future__ import annotations

import signal
import tempfile
import time
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import ConfigError, DriftledgerError

if TYPE_CHECKING:
    from pipeline.rig.processes import Process

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="A broker on this machine, to try things with."
)


class Server(StrEnum):
    postgres = "postgres"
    s3 = "s3"


@app.callback()
def dev() -> None:
    """A broker on this machine, to try things with."""


@app.command()
def up(
    with_: Annotated[
        str, typer.Option("--with", metavar="postgres,s3", help="Servers beside Kafka, with commas.")
    ] = "",
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", metavar="DIR", help="Keeps data and ports; without it all is gone at the end."
        ),
    ] = None,
) -> None:
    """Start Kafka, print the settings with which other commands find it, and end it on Ctrl-C.

    The first time it fetches what it runs: Java and Maven are needed, for S3 also Go.
    """
    wanted = _wanted(with_)
    with ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGINT):  # also where a shell started it with SIGINT ignored
            signal.signal(number, _interrupted)
        try:
            kept = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="driftledger-dev-")))
            _make(kept)
            if folder is None:
                kept.chmod(0o755)  # PostgreSQL runs as another user than root
            environment, processes = _start(kept.resolve(), wanted, stack)
            typer.echo("\n".join(f"export {name}={value}" for name, value in environment.items()))
            typer.echo(f"Running; logs are in {kept}; Ctrl-C ends it.", err=True)
            _wait(processes)
        except KeyboardInterrupt:
            typer.echo("Ending.", err=True)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            "--folder", str(folder), f"name a folder that can be made ({error.strerror})"
        ) from error


def _wanted(text: str) -> set[Server]:
    try:
        return {Server(name.strip()) for name in text.split(",") if name.strip()}
    except ValueError as error:
        raise ConfigError("--with", text, "write postgres, s3 or both with a comma") from error


def _start(folder: Path, wanted: set[Server], stack: ExitStack) -> tuple[dict[str, str], list[Process]]:
    """The variables that lead to the servers, and their processes, which the stack ends."""
    from pipeline.rig import kafka, postgres, s3

    kafka.prepare()
    broker = kafka.Kafka(folder / "kafka")
    stack.callback(broker.stop)
    broker.start()
    environment = {"DRIFTLEDGER__KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap}
    processes = [broker.process]
    if Server.postgres in wanted:
        database = postgres.Postgres(folder / "postgres")
        stack.callback(database.stop)
        database.start()
        environment["DRIFTLEDGER__STORE__CATALOG"] = database.url("driftledger")
        processes.append(database.process)
    if Server.s3 in wanted:
        s3.GATEWAY.built()
        objects = s3.S3(folder / "s3")
        stack.callback(objects.stop)
        objects.start()
        environment |= {
            "DRIFTLEDGER__STORE__DATA": f"s3://{objects.bucket('driftledger')}/lake",
            "AWS_ENDPOINT_URL": objects.endpoint,
            "AWS_REGION": objects.region,
            "AWS_ACCESS_KEY_ID": objects.access_key,
            "AWS_SECRET_ACCESS_KEY": objects.secret_key,
        }
        processes.append(objects.process)
    return environment, processes


def _wait(processes: list[Process]) -> None:
    while all(process.pid is not None for process in processes):
        time.sleep(0.5)
    ended = next(process for process in processes if process.pid is None)
    raise DriftledgerError(f"{ended.log.stem} ended by itself; its log is {ended.log}")


def _interrupted(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
