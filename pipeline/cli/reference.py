"""`driftledger reference`: what a model is compared with, made from events, listed and shown."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import OutputOption, StoreOption, now, reading, show, writing
from pipeline.cli.output import Output
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from detectors.references import Reference
    from pipeline.replay.references import Gathered

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
        list[str], typer.Argument(metavar="FILE...", help="CloudEvents, one a line; .gz; - is stdin.")
    ],
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
) -> None:
    """Build a reference from predictions and labels of a time in which the model was right, and register it.

    Exit codes: 0 registered, or there already; 7 registered, but some lines were refused; 3 no prediction
    of the model in the files; 4 no label has the positive class.
    """
    from detectors.reference_build import build
    from pipeline.registry import register
    from pipeline.replay.files import expand, read
    from pipeline.replay.references import gather

    arrival = now()
    found = gather(read(expand(files), None, arrival), model, arrival)
    _check_positive(found, positive_class)
    reference = build(
        found.inference,
        found.labels,
        model=model,
        positive_class=positive_class,
        latency_objective_seconds=latency_objective_seconds,
        latency_budget=latency_budget,
    )
    with writing(ctx, store) as ledger:
        new = register(ledger, reference, arrival)
        used = ledger.references()[model].reference
    _print_created(reference, found, new)
    if used != reference.reference:
        _say([f"in use     {used}, which was registered later"])
    if found.refused:
        raise typer.Exit(REFUSED)


def _check_positive(found: Gathered, positive_class: str | None) -> None:
    """A class that no label has would calibrate every score to never."""
    if positive_class is None:
        return
    classes = sorted({label for label in found.labels.column("label").to_pylist() if label})
    if classes and positive_class not in classes:
        raise ConfigError("--positive-class", positive_class, f"the labels say {', '.join(classes[:10])}")


def _print_created(reference: Reference, found: Gathered, new: bool) -> None:
    from pipeline.answers.references import account

    lines = [
        f"reference  {reference.reference}",
        f"registered {'now' if new else 'already, with the same content; nothing was changed'}",
        f"rests on   {found.inference.num_rows:,} predictions of {reference.model}",
        *account(reference),
    ]
    if found.others:
        names = ", ".join(f"{name} {n:,}" for name, n in sorted(found.others.items()))
        lines.append(f"left out   predictions of {names}")
    if found.refused:
        names = ", ".join(f"{name} {n:,}" for name, n in sorted(found.refused.items()))
        lines.append(f"refused    {names}")
    _say(lines)


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
