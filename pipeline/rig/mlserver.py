"""A real model server, MLServer with a scikit-learn model, in a Python environment of its own."""

from __future__ import annotations

import json
import platform
import sys
from contextlib import suppress
from http.client import HTTPException
from importlib.resources import files
from pathlib import Path
from urllib.request import urlopen

from pipeline.rig import cache
from pipeline.rig.processes import HOST, Process, kept_port, until

_REQUIREMENTS = (files("pipeline.rig") / "mlserver.txt").read_bytes()
_START = "import sys; from mlserver.cli import main; sys.argv = ['mlserver', 'start', '.']; main()"


def _install(folder: Path) -> None:
    (folder / "requirements.txt").write_bytes(_REQUIREMENTS)
    cache.run([sys.executable, "-m", "venv", "python"], cwd=folder)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    cache.run(
        [str(folder / "python/bin/python"), *install, "--require-hashes", "-r", "requirements.txt"],
        cwd=folder,
    )


ENVIRONMENT = cache.Artifact("mlserver", _REQUIREMENTS + platform.python_version().encode(), _install)
"""Heavy dependencies, older than ours: they must not be in the environment of the product."""


class ModelServer:
    """`url` serves the model `name` by the Open Inference Protocol; `train` is Python that writes it.

    `train` runs once in the server's environment, with the path of a joblib file in `sys.argv[1]`.
    """

    def __init__(self, folder: Path, *, train: str, name: str, version: str) -> None:
        self._python = str(ENVIRONMENT.found() / "python/bin/python")
        self.folder, self.name, self._train, self._version = folder, name, train, version
        self.process: Process | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{kept_port(self.folder, 'http')}"

    def start(self) -> None:
        if not (self.folder / "model.joblib").is_file():
            cache.run([self._python, "-c", self._train, str(self.folder / "model.joblib")], cwd=self.folder)
        self.process = self._process()  # ports last: by then somebody else may have what was free before
        self.process.start()
        until(self._is_ready, f"the model server; see {self.process.log}")

    def _process(self) -> Process:
        model = {
            "name": self.name,
            "implementation": "mlserver_sklearn.SKLearnModel",
            "parameters": {"uri": str(self.folder / "model.joblib"), "version": self._version},
        }
        ports = {f"{name}_port": kept_port(self.folder, name) for name in ("http", "grpc", "metrics")}
        server = {"host": HOST, **ports, "parallel_workers": 0, "debug": False}
        (self.folder / "model-settings.json").write_text(json.dumps(model))
        (self.folder / "settings.json").write_text(json.dumps(server))
        command = [self._python, "-c", _START]
        log = self.folder / "server.log"
        return Process(command, log=log, port=ports["http_port"], ready="Loaded model")

    def _is_ready(self) -> bool:
        """It listens a moment after it has loaded the model."""
        with suppress(OSError, HTTPException), urlopen(f"{self.url}/v2/models/{self.name}/ready", timeout=5):
            return True
        return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()
