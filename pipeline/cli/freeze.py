"""`driftledger freeze`: no new devices for a namespace until a time; what it holds it keeps."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from pipeline.cli.actor import ActorOption, who
from pipeline.cli.cluster_options import (
    CaOption,
    ClusterOption,
    KubeconfigOption,
    Reach,
    ServerOption,
    TokenOption,
)
from pipeline.cli.options import StoreOption, now, writing

REFUSED = 6
"""Exit code where nothing was changed."""


def freeze(
    ctx: typer.Context,
    namespace: Annotated[str, typer.Argument(metavar="NAMESPACE")],
    hours: Annotated[int, typer.Option("--hours", min=1, max=720, help="It ends by itself after them.")] = 12,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else only what would be written.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Give devices again, now.")] = False,
    store: StoreOption = None,
    cluster: ClusterOption = None,
    kubeconfig: KubeconfigOption = None,
    server: ServerOption = None,
    token_file: TokenOption = None,
    ca: CaOption = None,
    actor: ActorOption = None,
) -> None:
    """Hold a namespace to the devices it has: new GPU pods and claims are refused, running ones stay.

    `judge` and `up` with a policy end it when its time is over.
    Exit codes: 0 done, 6 refused or nothing to undo, 5 the cluster cannot be read.
    """
    from pipeline.act import freezing
    from pipeline.actuator.kubernetes import Kubernetes
    from pipeline.embedded import Embedded

    if cluster is None:
        raise typer.BadParameter("say in which cluster", param_hint="--cluster")
    client = Kubernetes(Reach(cluster, kubeconfig, server, token_file, ca).connection())
    try:
        if not yes and not undo:
            for name, count in sorted(freezing.plan(client, namespace).hard.items()):
                typer.echo(f"{count:>6}  {name}")
            typer.echo("nothing is written without --yes")
            return
        with writing(ctx, store) as ledger:
            into = Embedded(ledger)
            steps = (
                freezing.thaw(ledger, into, {cluster: client}, now(), namespace=namespace)
                if undo
                else freezing.freeze(
                    into, client, cluster, freezing.plan(client, namespace), timedelta(hours=hours),
                    who(actor), now(),
                )
            )  # fmt: skip
            states = []
            for step in steps:
                typer.echo(f"{step.state} {step.action_id[:12]}: {step.detail}")
                states.append(step.state)
    finally:
        client.close()
    if ("undone" if undo else "executed") not in states:
        raise typer.Exit(REFUSED)
