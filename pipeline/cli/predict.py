"""`driftledger predict`: what manifests will cost a month, before they are applied."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import INCOMPLETE, OutputOption, StoreOption, now, reading, settings, show
from pipeline.cli.output import Output
from pipeline.cli.price_options import CurrencyOption, GpuHourOption, PricesOption, price_book
from pipeline.errors import ConfigError, NotFound
from pipeline.settings.groups import group

if TYPE_CHECKING:
    from pipeline.answers.answer import Answer
    from pipeline.budgets import Budget
    from pipeline.predict.plans import Line
    from pipeline.predict.present import Now
    from pipeline.prices import PriceBook

OVER_BUDGET = 6


def predict(
    ctx: typer.Context,
    files: Annotated[
        list[str], typer.Option("--file", "-f", metavar="FILE", help="Manifest; - is standard input.")
    ],
    store: StoreOption = None,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="AMOUNT", help="Most that the month may change by.")
    ] = None,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Of what names none.")] = "default",
    gpu_model: Annotated[str, typer.Option("--gpu-model", help="Where no node selector says it.")] = "",
    instance_type: Annotated[str, typer.Option("--instance-type")] = "",
    provider: Annotated[str, typer.Option("--provider", help="aws, gcp, azure or your own.")] = "",
    region: Annotated[str, typer.Option("--region")] = "",
    capacity_type: Annotated[str, typer.Option("--capacity-type", help="on-demand, spot.")] = "",
    cluster: Annotated[str, typer.Option("--cluster", help="As the price book names it.")] = "",
    replicas: Annotated[
        int | None, typer.Option("--replicas", min=1, help="Of a GPU that is shared.")
    ] = None,
    nodes: Annotated[int | None, typer.Option("--nodes", min=0, help="That a DaemonSet runs on.")] = None,
    job_hours: Annotated[str | None, typer.Option("--job-hours", help="Hours that a job's pod runs.")] = None,
    pods: Annotated[
        list[str] | None,
        typer.Option("--pods", metavar="KIND/NAME=N", help="Pods of an object of another kind."),
    ] = None,
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: CurrencyOption = "USD",
    output: OutputOption = Output.table,
) -> None:
    """The monthly GPU cost of what FILE holds, what it costs now by the ledger, and the change.

    Exit codes: 6 the change is over --budget, or a budget of setting budgets.file is; 7 something in it has
    no price or extent.
    """
    from collectors.live.allocation.patterns import matches
    from collectors.live.allocation.patterns import replicas as of_setting
    from pipeline.budgets import load as load_plans
    from pipeline.predict.answer import Asked, beside, change, is_incomplete
    from pipeline.predict.answer import predict as answer
    from pipeline.predict.devices import Resources, claims, classes
    from pipeline.predict.manifest import objects
    from pipeline.predict.plans import against
    from pipeline.predict.workloads import Extents, workloads
    from pipeline.prices.price import Profile

    chosen = settings(ctx)
    most = None if budget is None else _amount("--budget", budget)
    hours = None if job_hours is None else Fraction(_amount("--job-hours", job_hours))
    found = [one for text in map(_read, files) for one in objects(text)]
    known = claims(found, namespace, classes(chosen.predict.device_classes))
    book = price_book(prices, gpu_hour_price, currency)
    allocation, free = group(chosen, "allocation"), matches(chosen.predict.free_resources)
    shared = of_setting(allocation.replicas)
    devices = matches(",".join((allocation.resources, *shared)))
    resources = Resources(devices, free, beside(book), shared)
    extents = Extents(resources, nodes, hours, dict(map(_pods, pods or ())))
    profile = Profile(cluster, provider, region, instance_type, gpu_model, "", capacity_type)
    plans = load_plans(chosen.budgets.file) if chosen.budgets.file else ()
    costs, lines, notes = _now(ctx, store, book, currency, plans)
    held = workloads(found, namespace, known, extents)
    made = answer(held, book, Asked(profile, replicas, currency), now(), costs)
    verdicts = list(against(plans, made, lines, cluster, currency, now().date()))
    said = (*_verdict(made, most, currency), *(verdict.words for verdict in verdicts))
    show(replace(made, notes=(*made.notes, *notes, *said)), output)
    if (most is not None and change(made) > most) or any(verdict.is_over for verdict in verdicts):
        raise typer.Exit(OVER_BUDGET)
    if is_incomplete(made) or any(verdict.is_over is None for verdict in verdicts):
        raise typer.Exit(INCOMPLETE)


def _now(
    ctx: typer.Context, store: Path | None, book: PriceBook, currency: str, plans: Sequence[Budget]
) -> tuple[Now | None, Sequence[Line], tuple[str, ...]]:
    """From the ledger, where there is one: by workload, and where there are plans by all that these match."""
    from pipeline.ownership.file import load
    from pipeline.predict.plans import lines
    from pipeline.predict.present import compared

    rule = settings(ctx).cost
    try:
        with reading(ctx, store) as ledger:
            costs, notes = compared(ledger, book, currency, rule)
            if costs is None or not plans:
                return costs, (), notes
            return costs, lines(ledger, plans, book, currency, rule, load(rule.ownership)), notes
    except NotFound as error:
        if store is not None:
            raise
        return None, (), (f"there is nothing to compare with: {error}",)


def _verdict(made: Answer, most: Decimal | None, currency: str) -> tuple[str, ...]:
    from pipeline.answers.cells import amount
    from pipeline.predict.answer import change, is_incomplete

    if most is None:
        return ()
    if change(made) <= most and is_incomplete(made):
        limit = f"{amount(most)} {currency}"
        return (f"not known to be within the budget of {limit}: something in it has no price",)
    word = "over" if change(made) > most else "within"
    return (f"{word} the budget: {amount(change(made))} of {amount(most)} {currency} a month",)


def _pods(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not ("/" in name and number.isdecimal() and len(number) < 10):
        raise ConfigError("--pods", text, "write KIND/NAME=N, such as LeaderWorkerSet/llm=8")
    return name, int(number)


def _read(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFound(f"there is no file {name}") from error
    except UnicodeDecodeError as error:
        raise ConfigError("-f", name, "save the file as UTF-8 text") from error


def _amount(option: str, text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and 0 <= amount <= 10**12):
        raise ConfigError(option, text, "write a number such as 500 or 2.5")
    return amount
