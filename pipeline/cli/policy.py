"""`driftledger policy`: a policy file checked, and what it would have done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.instant import instant
from pipeline.cli.ladder_money import ladder_money
from pipeline.cli.options import OutputOption, StoreOption, now, reading, settings, show, writing
from pipeline.cli.output import Output
from pipeline.cli.price_options import CurrencyOption, GpuHourOption, PricesOption, price_book

HELP = "A policy file: checked, and what it would have done."

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=HELP)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="Policy, YAML.")]


@app.command()
def schema() -> None:
    """The file's JSON Schema, for an editor."""
    from pipeline.policy.schema import schema as found

    typer.echo(json.dumps(found(), indent=2))


@app.command()
def lint(file: FileArgument) -> None:
    """Read the file and say what each rule may do.  Exit code 4 names what is wrong with it."""
    from pipeline.policy.file import load

    policy = load(file)
    typer.echo(f"policy {policy.version}, {policy.hash[:12]}, {len(policy.rules)} rules")
    for rule in policy.rules:
        where = f"{rule.target.workload} in {rule.target.cluster}/{rule.target.namespace}"
        owned = f"; owned by GitOps: {rule.gitops.words}" if rule.gitops else ""
        typer.echo(
            f"{rule.name}: {rule.mode}, {' and '.join(rule.detectors)} of {rule.model}, {where}{owned}"
        )
        if rule.mode != "observe" and rule.of_labels and rule.max_label_age is None:
            typer.echo(f"{rule.name}: no max_label_age: labels may rest, and their old verdict still acts")
    for ladder in policy.ladders:
        steps = ", ".join(f"{r.step} at {r.percent}% {r.measure}" for r in ladder.rungs)
        where = f"{ladder.cluster}/{'|'.join(ladder.namespaces)}"
        typer.echo(f"{ladder.name}: {ladder.mode}, budget {ladder.budget}, {where}: {steps}")
    if policy.kill_switch:
        typer.echo("kill_switch is on: every rule is refused")


@app.command()
def simulate(
    ctx: typer.Context,
    file: FileArgument,
    store: StoreOption = None,
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: CurrencyOption = "USD",
    output: OutputOption = Output.table,
) -> None:
    """What the policy would do on the newest verdicts, and the money.

    With how often it was right in the 30 days before; no cluster is asked, nothing is written.
    """
    from datetime import timedelta

    from pipeline.act.ladder_rehearsal import Climbed
    from pipeline.act.ladder_rehearsal import rehearse as climbs
    from pipeline.act.records import kept
    from pipeline.act.rehearsal import rehearse
    from pipeline.act.would_act import told, would_act
    from pipeline.answers.cost import extent
    from pipeline.answers.window import Window
    from pipeline.errors import NotFound
    from pipeline.policy.file import load

    policy, book = load(file), price_book(prices, gpu_hour_price, currency)
    money = ladder_money(settings(ctx), policy)
    with reading(ctx, store) as ledger:
        newest = ledger.query("newest_tick").column("time")[0].as_py()
        if newest is None and policy.rules:
            raise NotFound("the ledger holds no verdicts; run `driftledger judge`")
        newest = newest or extent(ledger).end
        window = Window(newest, newest + timedelta(microseconds=1))
        found = rehearse(ledger, policy, window.start, window.end)
        climbed = climbs(ledger, policy, money, window.start, window.end) if money else Climbed()
        so_far = list(kept(ledger, policy.ladders))
        if policy.rules:
            before = Window(newest - timedelta(days=30), window.end)
            past = rehearse(ledger, policy, before.start, before.end, hourly=True)
            so_far.insert(0, f"so far, {before}, a tick an hour: {', '.join(told(past))}")
        show(would_act(ledger, found, window, book, currency, climbed.steps, so_far), output)


@app.command()
def replay(
    ctx: typer.Context,
    file: FileArgument,
    from_: Annotated[str, typer.Option("--from", metavar="TIME", help="ISO 8601.")],
    to: Annotated[str, typer.Option("--to", metavar="TIME", help="ISO 8601, exclusive.")],
    record: Annotated[
        bool, typer.Option("--record", help="Keep it in the ledger: what mode auto demands of each rule.")
    ] = False,
    store: StoreOption = None,
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: CurrencyOption = "USD",
    output: OutputOption = Output.table,
) -> None:
    """What the policy would have done on every verdict of a span, how often it was right, and the money.

    Each tick knows what the ledger knew then; right and wrong are by all labels that have come since.
    """
    from pipeline.act.ladder_rehearsal import Climbed
    from pipeline.act.ladder_rehearsal import rehearse as climbs
    from pipeline.act.records import keep, keep_ladder
    from pipeline.act.rehearsal import rehearse
    from pipeline.act.would_act import would_act
    from pipeline.answers.window import Window
    from pipeline.embedded import Embedded
    from pipeline.policy.file import load

    policy, book = load(file), price_book(prices, gpu_hour_price, currency)
    money = ladder_money(settings(ctx), policy)
    window = Window(instant(from_, "--from"), instant(to, "--to"))
    with (writing if record else reading)(ctx, store) as ledger:
        found = rehearse(ledger, policy, window.start, window.end)
        climbed = climbs(ledger, policy, money, window.start, window.end) if money else Climbed()
        show(would_act(ledger, found, window, book, currency, climbed.steps), output)
        for ladder in policy.ladders if record else ():
            told = keep_ladder(Embedded(ledger), ladder, climbed, window.start, window.end, now())
            typer.echo(f"kept for {ladder.name}: {told.detail}")
        for rule in policy.rules if record else ():
            told = keep(Embedded(ledger), rule, found, window.start, window.end, now())
            typer.echo(f"kept for {rule.name}: {told.detail}")
