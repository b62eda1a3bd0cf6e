"""`driftledger quotas`: what namespaces may have and have, as the cluster says."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.cluster_options import (
    CaOption,
    ClusterOption,
    KubeconfigOption,
    Reach,
    ServerOption,
    TokenOption,
)
from pipeline.cli.options import OutputOption, show
from pipeline.cli.output import Output


def quotas(
    namespaces: Annotated[list[str], typer.Argument(metavar="NAMESPACE...")],
    cluster: ClusterOption = None,
    kubeconfig: KubeconfigOption = None,
    server: ServerOption = None,
    token_file: TokenOption = None,
    ca: CaOption = None,
    output: OutputOption = Output.table,
) -> None:
    """Every ResourceQuota and LimitRange of the namespaces, the fullest first; nothing is written.

    Exit codes: 0 done, 5 the cluster cannot be read.
    """
    from pipeline.actuator.kubernetes import Kubernetes
    from pipeline.actuator.quotas import quotas as answer

    if cluster is None:
        raise typer.BadParameter("say in which cluster", param_hint="--cluster")
    client = Kubernetes(Reach(cluster, kubeconfig, server, token_file, ca).connection())
    try:
        show(answer(client, tuple(namespaces)), output)
    finally:
        client.close()
