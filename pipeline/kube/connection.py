"""Where an API server is and how to prove who asks: explicit, a pod's service account, or a kubeconfig."""

from __future__ import annotations

import atexit
import base64
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from pipeline.errors import ConfigError, NotFound

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Connection:
    """`ca` is a file of trusted certificates, None the system's; the token never shows in a repr."""

    server: str
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    """Read again for each request: a service account's token is renewed in place."""
    ca: Path | None = None
    client_certificate: tuple[Path, Path] | None = field(default=None, repr=False)
    """Certificate and key."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.server)
        if parts.scheme == "https" and parts.hostname:
            return
        if parts.scheme != "http" or parts.hostname not in _LOOPBACK:
            raise ConfigError(
                "server", self.server, "write https://HOST:PORT; plain http is for this machine only"
            )

    def bearer(self) -> str:
        """The token to send now; '' for none."""
        if self.token_file is None:
            return self.token
        try:
            return self.token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise NotFound(f"the token file {self.token_file} cannot be read: {error.strerror}") from error


def in_cluster(environ: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> Connection:
    """The connection of a pod with a service account."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (folder / "token").is_file():
        raise NotFound("this is not a pod with a service account; give --kubeconfig or --server")
    name = f"[{host}]" if ":" in host else host
    return Connection(f"https://{name}:{port}", token_file=folder / "token", ca=folder / "ca.crt")


def from_kubeconfig(path: Path, context: str | None = None) -> Connection:
    """The connection of a kubeconfig's context; exec plugins and unverified TLS are refused by name."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        remedy = "name another in KUBECONFIG, or say where the API server is"
        raise NotFound(f"the kubeconfig {path} cannot be read ({error.strerror}); {remedy}") from error
    except yaml.YAMLError as error:
        raise ConfigError(str(path), "invalid YAML", "give a kubeconfig file") from error
    if not isinstance(content, dict):
        raise ConfigError(str(path), type(content).__name__, "give a kubeconfig file")
    chosen = _named(content, "contexts", "context", context or str(content.get("current-context", "")))
    cluster = _named(content, "clusters", "cluster", str(chosen.get("cluster", "")))
    user = _named(content, "users", "user", str(chosen.get("user", "")))
    if cluster.get("insecure-skip-tls-verify"):
        raise ConfigError("clusters.insecure-skip-tls-verify", True, "give certificate-authority instead")
    if "exec" in user or "auth-provider" in user:
        raise ConfigError(
            "users.exec", chosen.get("user"), "use a service account token; plugins are not run"
        )
    token_file = user.get("tokenFile")
    return Connection(
        str(cluster.get("server", "")),
        token=str(user.get("token", "")),
        token_file=path.parent / str(token_file) if token_file else None,
        ca=_file(path, cluster, "certificate-authority"),
        client_certificate=_certificate(path, user),
    )


def ambient(environ: Mapping[str, str] | None = None) -> Connection:
    """A pod's service account where there is one, else the kubeconfig of KUBECONFIG or ~/.kube/config."""
    environ = os.environ if environ is None else environ
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return in_cluster(environ)
    named = environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return from_kubeconfig(Path(named) if named else Path.home() / ".kube" / "config")


def _named(content: Mapping[str, object], group: str, kind: str, name: str) -> Mapping[str, object]:
    entries = content.get(group)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(kind), dict):
            return dict(entry[kind])
    raise ConfigError(f"{group}.name", name, f"name one that stands under {group}")


def _certificate(path: Path, user: Mapping[str, object]) -> tuple[Path, Path] | None:
    certificate, key = _file(path, user, "client-certificate"), _file(path, user, "client-key")
    return (certificate, key) if certificate and key else None


def _file(path: Path, section: Mapping[str, object], key: str) -> Path | None:
    """The file that `key` names, or one made of `key`-data; requests reads certificates from files only."""
    named, inline = section.get(key), section.get(f"{key}-data")
    if named:
        return path.parent / str(named)
    if not inline:
        return None
    with tempfile.NamedTemporaryFile(prefix="driftledger-", suffix=".pem", delete=False) as handle:
        handle.write(base64.b64decode(str(inline)))
    made = Path(handle.name)
    atexit.register(made.unlink, missing_ok=True)
    return made
