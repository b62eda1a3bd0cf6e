"""`driftledger evaluate`: every metric and verdict of a file of predictions, chunk by chunk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import OutputOption, settings, show
from pipeline.cli.output import Output

PEOPLE = (Output.table, Output.wide)


def evaluate(
    ctx: typer.Context,
    reference: Annotated[
        Path, typer.Option("--reference", metavar="FILE", help="Rows of a time in which the model was right.")
    ],
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="Rows to evaluate: Parquet or CSV.")],
    columns: Annotated[
        Path, typer.Option("--columns", metavar="YAML", help="What the columns are; docs/evaluate.md.")
    ],
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="FILE", help="Labels of the data, by prediction id.")
    ] = None,
    chunk: Annotated[
        str,
        typer.Option("--chunk", metavar="SIZE", help="Rows, or minute, hour, day, week, month; else ten."),
    ] = "",
    output: OutputOption = Output.table,
) -> None:
    """Compare predictions in a file with a reference: drift, accuracy with and without labels, verdicts.

    The table has a line a chunk; json, yaml and csv have every number with its interval.
    Exit code 6 when a verdict calls to act, 4 when a column is not as declared.
    """
    from pipeline.evaluate.answer import every, short
    from pipeline.evaluate.run import run

    found, notes = run(reference, data, labels, columns, chunk, settings(ctx).detection)
    newest = max((of.chunk.end for of in found if of.chunk.end), default=None)
    show((short if output in PEOPLE else every)(found, newest, notes), output)
    if any(number.level == "act" for of in found for number in of.rows):
        raise typer.Exit(6)
