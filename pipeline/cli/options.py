"""The options that commands share, and the two steps around an answer: open the ledger, show the answer."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.output import Output, render
from pipeline.settings.groups import Settings
from pipeline.settings.load import load
from pipeline.settings.store import StoreSettings

if TYPE_CHECKING:
    from pipeline.answers.answer import Answer
    from pipeline.store import Store

INCOMPLETE = 7
"""Exit code: rows were refused, are known to be missing, or have no price."""

StoreOption = Annotated[
    Path | None,
    typer.Option("--store", "-s", metavar="DIR", help="Folder of the ledger; else as settings store.* say."),
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="Form of the answer.")]
WindowOption = Annotated[
    str,
    typer.Option(
        "--window",
        "-w",
        metavar="WINDOW",
        help="7d, 24h, today, yesterday, month, 2026-10, or START..END (UTC).",
    ),
]


def settings(ctx: typer.Context) -> Settings:
    """Defaults, file, environment and flags, in rising order."""
    sources = ctx.find_root().obj
    return load(file=sources["config"], environ=os.environ, flags=sources["flags"])


def place(ctx: typer.Context, store: Path | None) -> StoreSettings:
    """Where the ledger is: as the settings say, or all of it in the folder that the option names."""
    chosen = settings(ctx).store
    return chosen if store is None else StoreSettings(store, min_free_bytes=chosen.min_free_bytes)


def reading(ctx: typer.Context, store: Path | None) -> Store:
    """The ledger, for reading only."""
    from pipeline.store import Store

    return Store.open(place(ctx, store), read_only=True)


def writing(ctx: typer.Context, store: Path | None, *, threads: int | None = None) -> Store:
    """The ledger, made where there is none yet; `threads` as for `Store.open`."""
    from pipeline.store import Store

    return Store.open(place(ctx, store), threads=threads)


def changing(ctx: typer.Context, store: Path | None) -> Store:
    """The ledger that is there, for writing; NotFound where there is none: a slip must not make another."""
    reading(ctx, store).close()
    return writing(ctx, store)


def now() -> datetime:
    """UTC without a zone: the one place where a reading command looks at the clock."""
    return datetime.now(UTC).replace(tzinfo=None)


def dimensions(by: list[str]) -> list[str]:
    """The names given with `--by`, each alone or several with commas."""
    return [name.strip() for part in by for name in part.split(",")]


def show(answer: Answer, output: Output) -> None:
    render(answer, output, sys.stdout)
