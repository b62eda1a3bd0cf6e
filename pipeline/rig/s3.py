"""An S3 server over a folder: Versity's gateway, built from its Go module."""

from __future__ import annotations

import secrets
from pathlib import Path

from pipeline.rig import cache, golang
from pipeline.rig.processes import HOST, Process, Server, kept_port

_MODULE = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
REGION = "us-east-1"


def _build(folder: Path) -> None:
    golang.install(_MODULE, folder, "the S3 server")


GATEWAY = cache.Artifact("s3", _MODULE.encode(), _build)


class S3(Server):
    """`endpoint` is http://127.0.0.1:port; the objects are files in `folder`."""

    region = REGION

    def __init__(self, folder: Path) -> None:
        self._objects, metadata = folder / "objects", folder / "metadata"
        for each in (self._objects, metadata):
            each.mkdir(parents=True, exist_ok=True)
        port = kept_port(folder, "s3")
        self.endpoint = f"http://{HOST}:{port}"
        self.access_key, self.secret_key = "driftledger", secrets.token_hex(16)
        keys = {"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key}
        listen = ["--port", f"{HOST}:{port}", "--region", REGION, "--quiet"]
        # Metadata beside the objects, since not every file system has extended attributes.
        posix = ["posix", "--sidecar", str(metadata), str(self._objects)]
        self.process = Process(
            [str(GATEWAY.found() / "versitygw"), *listen, *posix],
            log=folder / "s3.log", port=port, extra=keys,
        )  # fmt: skip

    def restart(self) -> None:
        self.stop()
        self.start()

    def bucket(self, name: str | None = None) -> str:
        """The name of a bucket that is there from now on; without a name a new one."""
        name = name or f"bucket-{secrets.token_hex(6)}"
        (self._objects / name).mkdir(exist_ok=True)
        return name
