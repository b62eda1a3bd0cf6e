"""A small cluster behind the simulated API server, for the tests that act on it."""

from __future__ import annotations

from contextlib import contextmanager

from pipeline.actuator.kubernetes import Kubernetes
from pipeline.demo.apiserver import ApiServer
from pipeline.kube.connection import Connection
from pipeline.policy.rules import VERSION_LABEL, Target

TOKEN = "a-token-of-the-tests"
TARGET = Target("lab", "ml", "Deployment", "fraud")


def template(version: str) -> dict:
    return {
        "metadata": {"labels": {VERSION_LABEL: version}},
        "spec": {"containers": [{"name": "server", "image": f"registry.example/fraud:{version}"}]},
    }


class Cluster:
    def __init__(self, server: ApiServer, client: Kubernetes) -> None:
        self.server = server
        self.client = client

    @property
    def deployment(self) -> dict:
        return self.server.apps.find("deployments", "ml", "fraud")

    def edit(self, change) -> None:
        """Change the Deployment as somebody else would."""

        def applied(held):
            change(held)
            return held

        self.server.apps.change("ml", "fraud", applied, manager="kubectl-edit", dry_run=False)

    def deploy(self, version: str) -> None:
        self.server.apps.deploy("ml", "fraud", template(version))
        self.server.tick()

    def serving(self) -> str:
        return self.deployment["spec"]["template"]["metadata"]["labels"][VERSION_LABEL]

    def asked(self, verb: str, *, dry_run: bool = False) -> int:
        return sum(e.verb == verb and e.dry_run == dry_run for e in self.server.audit)


@contextmanager
def cluster(*versions: str, read_seconds: float = 5.0):
    """A Deployment ml/fraud that rolled through the versions; the last one serves."""
    with ApiServer(TOKEN) as server:
        client = Kubernetes(Connection(server.url, token=TOKEN), read_seconds=read_seconds)
        try:
            server.apps.create("ml", "fraud", template(versions[0]), replicas=4)
            server.tick()
            scene = Cluster(server, client)
            for version in versions[1:]:
                scene.deploy(version)
            yield scene
        finally:
            client.close()
