"""A certificate authority of our own and a server certificate for 127.0.0.1, as PEM files."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pipeline.rig import cache

_DAYS = "30"
_NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"


class Certificates(NamedTuple):
    cafile: Path
    """What a client must trust."""
    keystore: Path
    """Private key, server certificate and authority in one file."""


def certificates(folder: Path) -> Certificates:
    """New ones in `folder`; raises PreflightFailed where there is no openssl."""
    openssl = cache.tool("openssl", "openssl")
    made = Certificates(folder / "ca.pem", folder / "server.pem")
    new = [openssl, "req", "-newkey", "rsa:2048", "-nodes", "-batch"]
    cache.run(
        [
            *new,
            "-x509",
            "-days",
            _DAYS,
            "-subj",
            "/CN=driftledger rig",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        ],
        cwd=folder,
    )
    cache.run([*new, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"], cwd=folder)
    (folder / "names.cnf").write_text(_NAMES + "\n")
    cache.run(
        [
            openssl, "x509", "-req", "-in", "server.csr", "-days", _DAYS, "-extfile", "names.cnf",
            "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.crt",
        ],
        cwd=folder,
    )  # fmt: skip
    with made.keystore.open("w") as pem:
        made.keystore.chmod(0o600)
        pem.writelines((folder / name).read_text() for name in ("server.key", "server.crt", "ca.pem"))
    return made
