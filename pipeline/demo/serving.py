"""The model server's Deployment in the simulated cluster: which version it runs, and a new one rolled out."""

from __future__ import annotations

from typing import Any

from pipeline.demo.apiserver import ApiServer
from pipeline.demo.samples import SERVER
from pipeline.policy.rules import VERSION_LABEL


def template(model: str, version: str) -> dict[str, Any]:
    """Pod template of one version."""
    container = {"name": "server", "image": f"registry.example/{model}:{version}"}
    return {"metadata": {"labels": {VERSION_LABEL: version}}, "spec": {"containers": [container]}}


class Serving:
    """One Deployment with the model's name in its namespace."""

    def __init__(self, server: ApiServer, model: str) -> None:
        self._server = server
        self._model = model
        server.apps.create(SERVER[model], model, template(model, "1"))
        server.tick()

    def roll_out(self, version: str) -> None:
        """A new version, as a person with kubectl would bring it."""
        self._server.apps.deploy(SERVER[self._model], self._model, template(self._model, version))

    def version(self) -> str:
        """What the pods run now, after one pass of the Deployment controller."""
        self._server.tick()
        found = self._server.apps.find("deployments", SERVER[self._model], self._model)
        assert found is not None  # created above, and nothing deletes
        return str(found["spec"]["template"]["metadata"]["labels"][VERSION_LABEL])
