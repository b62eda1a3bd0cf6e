"""A Kubernetes control plane as processes: etcd, API server, controllers, scheduler, and KWOK for nodes."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import requests

from pipeline.rig import cache
from pipeline.rig.kube import audit, programs
from pipeline.rig.kube.arguments import PORTS, Arguments
from pipeline.rig.processes import Process, kept_port, until

_ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"
_ROLES = "/apis/rbac.authorization.k8s.io/v1"


class Access(NamedTuple):
    """What a client needs to be let in."""

    server: str
    token: str
    ca: Path


class Kube:
    """Parts that can each be ended and started again; the objects outlive a restart of any of them.

    `admin` may do all; `account` is a service account with only the rights that a test grants it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._token = secrets.token_hex(16)
        arguments = Arguments(folder, {name: kept_port(folder, name) for name in PORTS})
        self.url, self.ca = arguments.url, arguments.ca
        self.kubeconfig = folder / "kubeconfig.json"
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy between us and 127.0.0.1
        self._write_files(arguments)
        program = programs.control_plane()
        ports = arguments.ports

        def part(name: str, port: str, told: list[str]) -> Process:
            return Process([program, name, *told], log=folder / f"{name}.log", port=ports[port])

        self.etcd = part("etcd", "etcd", arguments.etcd())
        self.apiserver = part("apiserver", "api", arguments.apiserver())
        self.controllers = part("controller-manager", "controllers", arguments.controllers())
        self.scheduler = part("scheduler", "scheduler", arguments.scheduler())
        kwok = [programs.kwok(), *arguments.kwok(programs.stages())]
        self.kwok = Process(kwok, log=folder / "kwok.log", port=ports["kwok"])

    @property
    def admin(self) -> Access:
        return Access(self.url, self._token, self.ca)

    def start(self) -> None:
        """Back when pods can be made, are scheduled and run; nothing happens to parts that are up."""
        self.etcd.start()
        self.start_apiserver()
        for part in (self.controllers, self.scheduler, self.kwok):
            part.start()
        until(lambda: self._answers(_ACCOUNT), f"controllers; see {self._folder}")

    def start_apiserver(self) -> None:
        self.apiserver.start()
        until(lambda: self._answers("/readyz"), f"API server; see {self.apiserver.log}")

    def restart_apiserver(self, *, away_seconds: float = 0.0) -> None:
        """Asked to end and started again, after it was away for so long.

        Those that work through it are started anew: left alone they wait before they connect again, a minute
        and more.
        """
        self.apiserver.stop()
        time.sleep(away_seconds)
        self.start_apiserver()
        for part in (self.controllers, self.scheduler, self.kwok):
            part.stop()
        self.start()

    def stop(self) -> None:
        """kill -9 to every part: nothing of it is used again."""
        self._session.close()
        for part in (self.kwok, self.scheduler, self.controllers, self.apiserver, self.etcd):
            part.kill()

    def account(self, namespace: str, name: str) -> Access:
        """A service account's own access for an hour; the account is made where it is not there."""
        at = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self.request("POST", at, {"metadata": {"name": name}}, or_status=409)
        wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token = self.request("POST", f"{at}/{name}/token", wanted)["status"]["token"]
        return Access(self.url, token, self.ca)

    def grant(self, namespace: str, name: str, rules: Sequence[dict[str, Any]]) -> None:
        """Give a service account rights in the whole cluster, in place of what it was granted before."""
        role = f"{namespace}-{name}"
        self.request("DELETE", f"{_ROLES}/clusterroles/{role}", or_status=404)
        body = {"metadata": {"name": role}, "rules": list(rules)}
        self.request("POST", f"{_ROLES}/clusterroles", body)
        of = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
        to = [{"kind": "ServiceAccount", "namespace": namespace, "name": name}]
        binding = {"metadata": {"name": role}, "roleRef": of, "subjects": to}
        self.request("POST", f"{_ROLES}/clusterrolebindings", binding, or_status=409)

    def request(self, method: str, path: str, body: Any = None, *, or_status: int = 0) -> dict[str, Any]:
        """The answer to the administrator; raises requests.HTTPError unless it is good, or `or_status`."""
        answer = self._send(method, path, body)
        if answer.status_code != or_status and not answer.ok:
            said = f"{method} {path}: {answer.status_code} {answer.text[:500]}"
            raise requests.HTTPError(said, response=answer)
        found: dict[str, Any] = answer.json()
        return found

    def audited(self, *, refused: bool = False) -> Iterator[audit.Event]:
        """Every change so far."""
        return audit.events(self._folder / "audit.log", refused=refused)

    def asked(self) -> Iterator[audit.Event]:
        """As `audited`, with the reads of the actuator's account."""
        return audit.requests(self._folder / "audit.log", refused=True)

    def _send(self, method: str, path: str, body: Any = None) -> requests.Response:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        return self._session.request(
            method, f"{self.url}{path}", json=body, headers=headers, verify=str(self.ca), timeout=30
        )

    def _answers(self, path: str) -> bool:
        try:
            return self._send("GET", path).ok
        except (requests.RequestException, OSError):  # OSError: the certificate is not there yet
            return False

    def _write_files(self, arguments: Arguments) -> None:
        folder = self._folder
        (folder / "tokens.csv").write_text(f'{self._token},admin,1,"system:masters"\n')
        (folder / "audit.json").write_text(json.dumps(audit.POLICY))
        self.kubeconfig.write_text(arguments.kubeconfig(self._token))
        openssl = cache.tool("openssl", "openssl")
        if not (folder / "accounts.key").exists():
            cache.run([openssl, "genrsa", "-out", "accounts.key", "2048"], cwd=folder)
            cache.run([openssl, "rsa", "-in", "accounts.key", "-pubout", "-out", "accounts.pub"], cwd=folder)
