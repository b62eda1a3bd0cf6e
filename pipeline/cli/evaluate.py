"""`driftledger evaluate`: every metric and verdict of a file of predictions, chunk by chunk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import OutputOption, StoreOption, now, reading, settings, show
from pipeline.cli.output import Output

if TYPE_CHECKING:
    from detectors.references import Reference

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
    ],
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="Rows to evaluate: Parquet or CSV.")],
    columns: Annotated[
        Path, typer.Option("--columns", metavar="YAML", help="What the columns are; docs/evaluate.md.")
    ],
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
    """Compare predictions in a file with a reference: drift, accuracy with and without labels, verdicts.

    The table has a line a chunk; json, yaml and csv have every number with its interval.
    Exit code 6 when a verdict calls to act, 4 when a column is not as declared.
    """
    from pipeline.answers.window import parse_window
    from pipeline.evaluate.answer import every, short
    from pipeline.evaluate.run import run

    against = _reference(ctx, reference, store)
    window = parse_window(reference_window, now()) if reference_window else None
    found, notes = run(against, window, data, labels, columns, chunk, settings(ctx).detection)
    newest = max((of.chunk.end for of in found if of.chunk.end), default=None)
    show((short if output in PEOPLE else every)(found, newest, notes), output)
    if any(number.level == "act" for of in found for number in of.rows):
        raise typer.Exit(6)


def _reference(ctx: typer.Context, name: str, store: Path | None) -> Path | Reference:
    """The file of that name, else what the ledger has registered so, or beginning so."""
    path = Path(name)
    if path.exists() or path.suffix in (".csv", ".gz", ".parquet", ".pq"):
        return path
    from pipeline.answers.references import find

    with reading(ctx, store) as ledger:
        return find(ledger, name)
