"""The options that say which cluster may be changed, and how to reach it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.actuator.kubernetes import Kubernetes
    from pipeline.kube.connection import Connection
    from pipeline.policy.rules import Policy

ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="NAME",
        help="Cluster as the policy names it; alone: reached as this pod, or by the usual kubeconfig.",
    ),
]
KubeconfigOption = Annotated[
    Path | None, typer.Option("--kubeconfig", metavar="FILE", help="Its current context is used.")
]
ServerOption = Annotated[
    str | None, typer.Option("--server", metavar="URL", help="API server, with --token-file.")
]
TokenOption = Annotated[
    Path | None, typer.Option("--token-file", metavar="FILE", help="Bearer token for --server.")
]
CaOption = Annotated[
    Path | None, typer.Option("--ca", metavar="FILE", help="Certificates to trust; else the system's.")
]


@dataclass(frozen=True, slots=True)
class Reach:
    """The options as given; BadParameter, exit code 2, where they do not belong together."""

    cluster: str | None
    kubeconfig: Path | None
    server: str | None
    token_file: Path | None
    ca: Path | None

    def __post_init__(self) -> None:
        ways = [w for w in (self.kubeconfig, self.server, self.token_file, self.ca) if w is not None]
        if ways and self.cluster is None:
            raise typer.BadParameter("say which cluster of the policy this is", param_hint="--cluster")
        if self.kubeconfig and (self.server or self.token_file or self.ca):
            raise typer.BadParameter("give either --kubeconfig or --server", param_hint="--kubeconfig")
        if bool(self.server) != bool(self.token_file) or (self.ca and not self.server):
            raise typer.BadParameter("--server and --token-file belong together", param_hint="--server")

    def connection(self) -> Connection:
        from pipeline.kube import connection

        if self.kubeconfig:
            return connection.from_kubeconfig(self.kubeconfig)
        if self.server:
            return connection.Connection(self.server, token_file=self.token_file, ca=self.ca)
        return connection.ambient()


@contextmanager
def clients(reach: Reach, policy: Policy | None, lease: str = "") -> Iterator[dict[str, Kubernetes]]:
    """The client of the named cluster; none where no cluster is named.  With a lease, it is of an election.

    Raises BadParameter for a cluster without a policy, ConfigError where policy and cluster do not fit.
    """
    if reach.cluster is None:
        _only_observed(policy)
        yield {}
        return
    if policy is None:
        raise typer.BadParameter("without --policy nothing acts on a cluster", param_hint="--cluster")
    named = sorted({rule.target.cluster for rule in policy.rules} | {one.cluster for one in policy.ladders})
    if reach.cluster not in named:
        raise ConfigError("--cluster", reach.cluster, f"the policy's rules are about {', '.join(named)}")
    from pipeline.actuator.kubernetes import Kubernetes

    client = Kubernetes(reach.connection())
    if lease:
        client = _elected(client, lease)
    try:
        yield {reach.cluster: client}
    finally:
        client.close()


def _elected(client: Kubernetes, lease: str) -> Kubernetes:
    from pipeline.actuator.lease import Lease, Led

    namespace, _, name = lease.partition("/")
    if not namespace or not name:
        raise ConfigError("up.lease", lease, "write NAMESPACE/NAME, such as driftledger/driftledger-actuator")
    return Led(client, Lease(client, namespace, name))


def _only_observed(policy: Policy | None) -> None:
    for place, rule in enumerate(policy.rules if policy else ()):
        if rule.mode == "auto":
            remedy = (
                f"to act, give --cluster {rule.target.cluster} with --kubeconfig FILE, or with --server URL "
                "and --token-file FILE; else write mode: observe"
            )
            raise ConfigError(f"rules[{place}].mode", rule.mode, remedy)
    for place, ladder in enumerate(policy.ladders if policy else ()):
        if ladder.mode == "auto":
            remedy = f"to act, give --cluster {ladder.cluster} and how to reach it; else write mode: observe"
            raise ConfigError(f"ladders[{place}].mode", ladder.mode, remedy)
