"""`driftledger evaluate`: every metric and verdict of predictions in a file or ledger, chunk by chunk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.answers.window import Window, parse_window
from pipeline.cli.options import OutputOption, StoreOption, WindowOption, now, reading, settings, show
from pipeline.cli.output import Output
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from detectors.references import Reference
    from pipeline.evaluate.evaluate import Evaluated

PEOPLE = (Output.table, Output.wide)


def evaluate(
    ctx: typer.Context,
    reference: Annotated[
        str,
        typer.Option(
            "--reference",
            metavar="FILE|NAME",
            help="Rows of a time in which the model was right, or a registered reference.",
        ),
    ] = "",
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="Rows to evaluate: Parquet or CSV.")
    ] = None,
    columns: Annotated[
        Path | None, typer.Option("--columns", metavar="YAML", help="What the columns are; docs/evaluate.md.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", metavar="MODEL", help="Instead of a file: predictions in the ledger.")
    ] = "",
    window: WindowOption = "7d",
    values: Annotated[
        str,
        typer.Option(
            "--values", metavar="CELLS", help="With --model: what answers are worth, tp=100,fn=-50."
        ),
    ] = "",
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="FILE", help="Labels of the data, by prediction id.")
    ] = None,
    reference_window: Annotated[
        str, typer.Option("--reference-window", metavar="WINDOW", help="Of the reference's file: START..END.")
    ] = "",
    chunk: Annotated[
        str,
        typer.Option("--chunk", metavar="SIZE", help="Rows, or minute, hour, day, week, month; else ten."),
    ] = "",
    store: StoreOption = None,
    output: OutputOption = Output.table,
) -> None:
    """Compare predictions with a reference: drift, accuracy with and without labels, verdicts.

    They are rows of a file, or with --model those of a ledger in a window.
    The table has a line a chunk; json, yaml and csv have every number with its interval.
    Exit code 6 when a verdict calls to act, 4 when a column is not as declared.
    """
    from pipeline.evaluate.answer import every, short

    if model:
        if data is not None or columns is not None or labels is not None:
            raise ConfigError("--model", model, "give it without --data, --columns and --labels")
        found, notes = _of_ledger(ctx, model, window, reference, chunk, values, store)
    else:
        if values:
            raise ConfigError("--values", values, "of a file, write values into its columns file")
        part = parse_window(reference_window, now()) if reference_window else None
        found, notes = _of_file(ctx, reference, part, data, columns, labels, chunk, store)
    newest = max((of.chunk.end for of in found if of.chunk.end), default=None)
    show((short if output in PEOPLE else every)(found, newest, notes), output)
    if any(number.level == "act" for of in found for number in of.rows):
        raise typer.Exit(6)


Found = tuple[list["Evaluated"], tuple[str, ...]]
"""Numbers by chunk, and notes."""


def _of_file(
    ctx: typer.Context,
    reference: str,
    part: Window | None,
    data: Path | None,
    columns: Path | None,
    labels: Path | None,
    chunk: str,
    store: Path | None,
) -> Found:
    from pipeline.evaluate.run import run

    if not reference or data is None or columns is None:
        raise ConfigError("--data", str(data or ""), "give --reference, --data and --columns, or --model")
    against = _reference(ctx, reference, store)
    return run(against, part, data, labels, columns, chunk, settings(ctx).detection)


def _of_ledger(
    ctx: typer.Context, model: str, window: str, reference: str, chunk: str, values: str, store: Path | None
) -> Found:
    from pipeline.answers.references import find
    from pipeline.evaluate import columns
    from pipeline.evaluate.ledger import run

    worth = columns.values("--values", values)
    with reading(ctx, store) as ledger:
        against = find(ledger, reference) if reference else None
        asked = parse_window(window, now())
        return run(ledger, model, asked, chunk, settings(ctx).detection, against, worth)


def _reference(ctx: typer.Context, name: str, store: Path | None) -> Path | Reference:
    """The file of that name, else what the ledger has registered so, or beginning so."""
    path = Path(name)
    if path.exists() or path.suffix in (".csv", ".gz", ".parquet", ".pq"):
        return path
    from pipeline.answers.references import find

    with reading(ctx, store) as ledger:
        return find(ledger, name)
