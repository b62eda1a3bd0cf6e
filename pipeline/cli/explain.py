"""`driftledger explain`: why an action was taken, and whether it is the same when computed again."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from pipeline.answers.cells import safe_text
from pipeline.cli.options import StoreOption, place

NOT_IDENTICAL = 6
"""Exit code where the decision, computed again, is another one."""


class Form(StrEnum):
    """An explanation is a text or a document; it has no rows."""

    table = "table"
    json = "json"


def explain(
    ctx: typer.Context,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="Id of the action, or its beginning.")],
    store: StoreOption = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="Form of the explanation.")] = Form.table,
) -> None:
    """Exit code 0 when identical, 6 when not, 3 when there is no such action."""
    from pipeline.explain.explanation import explain as compute
    from pipeline.explain.narrative import document, narrative

    explanation = compute(place(ctx, store), action)
    if output is Form.json:
        typer.echo(json.dumps(document(explanation), indent=2, sort_keys=True, ensure_ascii=False))
    else:
        for line in narrative(explanation):
            typer.echo(safe_text(line))
    if not explanation.identical:
        raise typer.Exit(NOT_IDENTICAL)
