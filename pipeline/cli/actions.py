"""`driftledger actions`: what was proposed, done, refused and undone, and what people say to it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.answers.cells import safe_text
from pipeline.cli.actor import ActorOption, who
from pipeline.cli.cluster_options import (
    CaOption,
    ClusterOption,
    KubeconfigOption,
    Reach,
    ServerOption,
    TokenOption,
)
from pipeline.cli.options import (
    OutputOption,
    StoreOption,
    WindowOption,
    now,
    reading,
    settings,
    show,
    writing,
)
from pipeline.cli.output import Output
from pipeline.cli.price_options import CurrencyOption, GpuHourOption, PricesOption, price_book
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.act.events import Taken
    from pipeline.store import Store

HELP = "What was proposed, done, refused and undone: listed, shown, approved, denied, put back."

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None, help=HELP)

ActionArgument = Annotated[str, typer.Argument(metavar="ACTION", help="Its id, or a beginning of it.")]


@app.callback()
def actions(
    ctx: typer.Context,
    store: StoreOption = None,
    window: WindowOption = "7d",
    output: OutputOption = Output.table,
) -> None:
    """Actions with a step in the window, the newest first; the commands below are about one of them."""
    if ctx.invoked_subcommand is None:
        list_(ctx, store, window, output)


@app.command("list")
def list_(
    ctx: typer.Context,
    store: StoreOption = None,
    window: WindowOption = "7d",
    output: OutputOption = Output.table,
) -> None:
    """Actions with a step in the window, the newest first."""
    from pipeline.answers.actions import actions as answer
    from pipeline.answers.window import parse_window

    span = parse_window(window, now())
    with reading(ctx, store) as ledger:
        show(answer(ledger, span), output)


@app.command("show")
def show_one(
    ctx: typer.Context,
    action: ActionArgument,
    store: StoreOption = None,
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: CurrencyOption = "USD",
) -> None:
    """One action whole, and where it waits for a person, the token that approves this plan.

    Exit code 3: no such action, or several that begin so.
    """
    from pipeline.act.approvals import offer
    from pipeline.cli.options import place
    from pipeline.explain.effect import effect
    from pipeline.explain.explanation import explain
    from pipeline.explain.narrative import narrative

    found, book = explain(place(ctx, store), action), price_book(prices, gpu_hour_price, currency)
    with reading(ctx, store) as ledger:
        changed = effect(ledger, found.steps, book, currency)
        waiting = offer(ledger, found.action_id)
    for line in narrative(found, changed):
        typer.echo(safe_text(line))
    if waiting is not None:
        typer.echo(f"\nplan {waiting.plan}\noffered until {waiting.expires.isoformat()}Z")
        typer.echo(f"driftledger actions approve {found.action_id[:12]} --token {waiting.token}")


@app.command()
def journal(
    ctx: typer.Context,
    store: StoreOption = None,
    window: WindowOption = "30d",
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: CurrencyOption = "USD",
    output: OutputOption = Output.table,
) -> None:
    """States of watched targets that served in the window, with quality, latency and cost meanwhile."""
    from pipeline.answers.revisions import revisions
    from pipeline.answers.window import parse_window

    book, span = price_book(prices, gpu_hour_price, currency), parse_window(window, now())
    with reading(ctx, store) as ledger:
        show(revisions(ledger, span, book, currency), output)


@app.command()
def approve(
    ctx: typer.Context,
    action: ActionArgument,
    token: Annotated[str, typer.Option("--token", metavar="TOKEN", help="As `show` prints it.")],
    store: StoreOption = None,
    actor: ActorOption = None,
) -> None:
    """Say yes to this plan and no other; the next tick of `judge` or `up` carries it out.

    Exit codes: 3 nothing waits there, 4 a wrong token or an offer that has ended.
    """
    from pipeline.act.approvals import approve as say
    from pipeline.embedded import Embedded

    with writing(ctx, store) as ledger:
        _told(say(ledger, Embedded(ledger), _whole(ledger, action), token, who(actor), now()))


@app.command()
def deny(
    ctx: typer.Context,
    action: ActionArgument,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Kept with the action.")] = "",
    store: StoreOption = None,
    actor: ActorOption = None,
) -> None:
    """Say no, for good: the same action is not proposed again.  Exit code 3: nothing waits there."""
    from pipeline.act.approvals import deny as say
    from pipeline.embedded import Embedded

    with writing(ctx, store) as ledger:
        _told(say(ledger, Embedded(ledger), _whole(ledger, action), who(actor), why, now()))


@app.command()
def mute(
    ctx: typer.Context,
    rule: Annotated[str, typer.Argument(metavar="RULE", help="As the policy names it.")],
    hours: Annotated[int, typer.Option("--hours", min=0, help="From now; 0 ends it.")],
    store: StoreOption = None,
    actor: ActorOption = None,
) -> None:
    """Let a rule rest: what it finds is recorded as refused, nothing is done.  Exit code 4: no such rule."""
    from pipeline.act.approvals import mute as say
    from pipeline.embedded import Embedded

    with writing(ctx, store) as ledger:
        _known(ctx, ledger, rule)
        _told(say(Embedded(ledger), rule, timedelta(hours=hours), who(actor), now()))


@app.command()
def undo(
    ctx: typer.Context,
    action: ActionArgument,
    store: StoreOption = None,
    cluster: ClusterOption = None,
    kubeconfig: KubeconfigOption = None,
    server: ServerOption = None,
    token_file: TokenOption = None,
    ca: CaOption = None,
    actor: ActorOption = None,
) -> None:
    """Put back what an executed rollback left, unless somebody has changed the object since.

    Exit codes: 0 done, 6 refused, 3 no such action, 4 it cannot be put back, 5 the cluster cannot be read.
    """
    from pipeline.act.undo import undo as put_back
    from pipeline.actuator.kubernetes import Kubernetes
    from pipeline.embedded import Embedded

    if cluster is None:
        raise typer.BadParameter("say in which cluster", param_hint="--cluster")
    reach = Reach(cluster, kubeconfig, server, token_file, ca)
    client = Kubernetes(reach.connection())
    try:
        with writing(ctx, store) as ledger:
            whole = _whole(ledger, action)
            steps = put_back(ledger, Embedded(ledger), whole, client, cluster, who(actor), now())
            states = [_told(step) for step in steps]
    finally:
        client.close()
    if "undone" not in states:
        raise typer.Exit(6)


def _known(ctx: typer.Context, ledger: Store, rule: str) -> None:
    """A misspelt name would let the rule go on.  Raises ConfigError."""
    from pipeline.policy.file import load

    known = set(ledger.query("rule_names").column("name").to_pylist())
    if rule in known:
        return  # whatever has become of the file
    if file := settings(ctx).up.policy:
        policy = load(file)
        known |= {r.name for r in policy.rules} | {one.name for one in policy.ladders}
    if rule not in known:
        remedy = f"up.policy and the ledger know {', '.join(sorted(known)) or 'no rule yet'}"
        raise ConfigError("RULE", rule, remedy)


def _told(step: Taken) -> str:
    typer.echo(safe_text(f"{step.state} {step.action_id[:12]}: {step.detail}"))
    return step.state


def _whole(ledger: Store, beginning: str) -> str:
    from pipeline.answers.actions import only

    return only(ledger, beginning)
