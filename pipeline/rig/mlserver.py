"""A real model server, MLServer with a scikit-learn model, in a Python environment of its own."""

from __future__ import annotations

import json
import platform
import sys
from contextlib import suppress
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
        self.folder, self.name, self._train = folder, name, train
        folder.mkdir(parents=True, exist_ok=True)
        port = kept_port(folder, "http")
        self.url = f"http://{HOST}:{port}"
        model = {
            "name": name,
            "implementation": "mlserver_sklearn.SKLearnModel",
            "parameters": {"uri": str(folder / "model.joblib"), "version": version},
        }
        server = {
            "host": HOST, "http_port": port, "grpc_port": kept_port(folder, "grpc"),
            "metrics_port": kept_port(folder, "metrics"), "parallel_workers": 0, "debug": False,
        }  # fmt: skip
        (folder / "model-settings.json").write_text(json.dumps(model))
        (folder / "settings.json").write_text(json.dumps(server))
        self.process = Process(
            [self._python, "-c", _START], log=folder / "server.log", port=port, ready="Loaded model",
        )  # fmt: skip

    def start(self) -> None:
        if not (self.folder / "model.joblib").is_file():
            cache.run([self._python, "-c", self._train, str(self.folder / "model.joblib")], cwd=self.folder)
        self.process.start()
        self._wait()

    def _wait(self) -> None:
        """It listens a moment after it has loaded the model."""
        until(self._is_ready, f"the model server; see {self.process.log}")

    def _is_ready(self) -> bool:
        with suppress(OSError), urlopen(f"{self.url}/v2/models/{self.name}/ready", timeout=5):
            return True
        return False

    def stop(self) -> None:
        self.process.stop()
