"""`driftledger explain`: why an action was taken, and whether it is the same when computed again."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from pipeline.answers.cells import safe_text
from pipeline.cli.options import StoreOption, place, reading
from pipeline.cli.price_options import CurrencyOption, GpuHourOption, PricesOption, price_book

NOT_IDENTICAL = 6
"""Exit code where the decision, computed again, is another one."""
OTHER_RULES = 7
"""Exit code where it is another one, and other rules than these decided it."""


class Form(StrEnum):
    """An explanation is a text or a document; it has no rows."""

    table = "table"
    json = "json"
    html = "html"


def explain(
    ctx: typer.Context,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="Id of the action, or its beginning.")],
    store: StoreOption = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="Form of the explanation.")] = Form.table,
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: CurrencyOption = "USD",
) -> None:
    """Why it was decided, and whether it is the same when computed again; html is a page that stands alone.

    Exit code 0 when identical, 6 when not, 7 when not and other rules decided it, 3 when there is none.
    """
    from pipeline.explain.effect import effect
    from pipeline.explain.explanation import explain as compute
    from pipeline.explain.narrative import document, narrative
    from pipeline.explain.page import page

    explanation = compute(place(ctx, store), action)
    book = price_book(prices, gpu_hour_price, currency)
    with reading(ctx, store) as ledger:
        changed = effect(ledger, explanation.steps, book, currency)
    if output is Form.html:
        typer.echo(page(explanation, changed), nl=False)
    elif output is Form.json:
        typer.echo(json.dumps(document(explanation, changed), indent=2, sort_keys=True, ensure_ascii=False))
    else:
        for line in narrative(explanation, changed):
            typer.echo(safe_text(line))
    if not explanation.identical:
        raise typer.Exit(OTHER_RULES if explanation.by_other_rules else NOT_IDENTICAL)
