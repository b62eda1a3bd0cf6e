"""`driftledger reference`: what a model is compared with, made from events, listed and shown."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import OutputOption, StoreOption, now, reading, show, writing
from pipeline.cli.output import Output
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.cli.reference_made import Made

REFUSED = 7
"""Exit code when some lines could not be taken; the reference rests on the others."""

HELP = "What a model is compared with: made from events, listed and shown."

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=HELP)


class Form(StrEnum):
    """A reference is a text or a document; it has no rows."""

    table = "table"
    json = "json"


@app.command()
def create(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model whose events are used.")],
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE...]", help="CloudEvents, one a line; .gz; - is stdin."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="Else rows: Parquet or CSV, with --columns.")
    ] = None,
    columns: Annotated[
        Path | None, typer.Option("--columns", metavar="YAML", help="What the rows' columns are.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="FILE", help="Labels of the rows, by prediction id.")
    ] = None,
    window: Annotated[
        str | None,
        typer.Option("--window", "-w", metavar="WINDOW", help="Else the ledger's own minutes: 7d, A..B."),
    ] = None,
    model_version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="With --window: of this version only.")
    ] = None,
    store: StoreOption = None,
    positive_class: Annotated[
        str | None,
        typer.Option(metavar="CLASS", help="Class whose probability `score` is; else `confidence` is used."),
    ] = None,
    latency_objective_seconds: Annotated[
        float | None, typer.Option(min=1e-6, max=86_400, help="What a request may take.")
    ] = None,
    latency_budget: Annotated[
        float, typer.Option(min=1e-6, max=0.999999, help="Share of requests that may take longer.")
    ] = 0.01,
    objective: Annotated[
        list[str] | None,
        typer.Option(metavar="METRIC=SECONDS", help="Of time_to_first_token or time_per_output_token."),
    ] = None,
    segment: Annotated[
        str | None,
        typer.Option(metavar="FEATURE", help="Tell predictions apart by this feature's categories."),
    ] = None,
    sample: Annotated[
        int,
        typer.Option(
            min=0,
            max=10_000,
            metavar="ROWS",
            help="Keep so many events' features an hour, values as they are, for `drift --joint`; 0 is none.",
        ),
    ] = 0,
) -> None:
    """Build a reference from predictions and labels of a time in which the model was right, and register it.

    They are events, or rows of a file as `driftledger evaluate` takes them, or a window of the ledger.

    Exit codes: 0 registered, or there already; 7 registered, but some lines were refused; 3 no prediction
    of the model in the files or the window; 4 no label has the positive class.
    """
    from pipeline.cli import reference_made
    from pipeline.registry import register

    arrival = now()
    latency = (latency_objective_seconds, latency_budget)
    if sum((data is not None, bool(files), window is not None)) != 1:
        raise ConfigError("FILE", "", "name files of events, or --data with --columns, or --window")
    if model_version is not None and window is None:
        raise ConfigError("--model-version", model_version, "give --window with it")
    if data is not None:
        if columns is None:
            raise ConfigError("--data", str(data), "give --columns with it")
        made = reference_made.of_rows(model, data, columns, labels, latency)
    elif files:
        made = reference_made.of_events(model, files, positive_class, latency, arrival)
    with writing(ctx, store) as ledger:
        if window is not None:
            made = reference_made.of_window(
                ledger, model, model_version, window, positive_class, latency, arrival
            )
        if objective:
            measured = reference_made.overdispersion(made, ledger, window, model_version, arrival)
            made = made._replace(reference=reference_made.objectives(made.reference, objective, measured))
        if segment is not None:
            made = made._replace(reference=reference_made.segmented(made.reference, segment, made.told))
        if sample:
            made = reference_made.sampled(made, ledger, sample, window, model_version, arrival)
        new = register(ledger, made.reference, arrival, made.sample)
        used = ledger.references()[model].reference
    _print_created(made, new)
    if used != made.reference.reference:
        _say([f"in use     {used}, which was registered later or is frozen"])
    if made.refused:
        raise typer.Exit(REFUSED)


def _print_created(found: Made, new: bool) -> None:
    from pipeline.answers.references import account

    reference = found.reference
    lines = [
        f"reference  {reference.reference}",
        f"registered {'now' if new else 'already, with the same content; nothing was changed'}",
        f"rests on   {found.rows:,} predictions of {reference.model}",
        *account(reference),
    ]
    if found.others:
        names = ", ".join(f"{name} {n:,}" for name, n in sorted(found.others.items()))
        lines.append(f"left out   predictions of {names}")
    if found.refused:
        names = ", ".join(f"{name} {n:,}" for name, n in sorted(found.refused.items()))
        lines.append(f"refused    {names}")
    _say([*lines, *(f"note       {note}" for note in found.notes)])


def _say(lines: list[str]) -> None:
    from pipeline.answers.cells import safe_text

    for line in lines:
        typer.echo(safe_text(line))


@app.command("list")
def list_references(
    ctx: typer.Context, store: StoreOption = None, output: OutputOption = Output.table
) -> None:
    """Every reference, with the one of each model that is in use."""
    from pipeline.answers.references import references

    with reading(ctx, store) as ledger:
        show(references(ledger), output)


@app.command()
def freeze(
    ctx: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="Identity, or its beginning.")],
    store: StoreOption = None,
) -> None:
    """Keep a registered reference in use, whatever is registered later; freezing another moves on to that."""
    from pipeline.answers.references import find
    from pipeline.registry import freeze as keep

    with writing(ctx, store) as ledger:
        found = find(ledger, reference)
        new = keep(ledger, found)
    _say([f"reference  {found.reference}", f"frozen     {'now' if new else 'already; nothing was changed'}"])


@app.command("show")
def show_reference(
    ctx: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="Identity, or its beginning.")],
    store: StoreOption = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="Form of the reference.")] = Form.table,
) -> None:
    """One reference; as JSON with every bin, edge and count."""
    from pipeline.answers.references import account, find

    with reading(ctx, store) as ledger:
        found = find(ledger, reference)
    if output is Form.json:
        typer.echo(json.dumps(json.loads(found.to_json()), indent=2, sort_keys=True, ensure_ascii=False))
    else:
        _say([f"reference  {found.reference}", f"model      {found.model}", *account(found)])
