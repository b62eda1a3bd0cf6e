"""A Kubernetes control plane as processes: etcd, API server, controllers, scheduler, and KWOK for nodes."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import requests

from pipeline.errors import PreflightFailed
from pipeline.rig import cache
from pipeline.rig.kube import audit, programs
from pipeline.rig.processes import HOST, READY_SECONDS, Process, kept_port

_CONTROLLERS = "*,-node-ipam-controller,-node-route-controller,-cloud-node-lifecycle-controller"
_ISSUER = "https://kubernetes.default.svc"


class Access(NamedTuple):
    """What a client needs to be let in."""

    server: str
    token: str
    ca: Path


class Kube:
    """Parts that can each be ended and started again; the objects outlive a restart of the API server.

    `admin` may do all; `account` is a service account with only the rights that a test gives it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._program = str(programs.CONTROL_PLANE.found() / "control-plane")
        self._token = secrets.token_hex(16)
        self._ports = {
            n: kept_port(folder, n) for n in ("etcd", "peer", "api", "controllers", "scheduler", "kwok")
        }
        self.url = f"https://{HOST}:{self._ports['api']}"
        self.ca = folder / "certificates" / "apiserver.crt"
        self.audit_log = folder / "audit.log"
        self._write_files()
        self.etcd = self._part("etcd", "etcd", self._etcd())
        self.apiserver = self._part("apiserver", "api", self._apiserver())
        self.controllers = self._part("controller-manager", "controllers", self._controllers())
        self.scheduler = self._part("scheduler", "scheduler", self._scheduler())
        self.kwok = Process(
            [str(programs.KWOK.found() / "kwok"), *self._kwok()],
            log=folder / "kwok.log", port=self._ports["kwok"],
        )  # fmt: skip

    @property
    def admin(self) -> Access:
        return Access(self.url, self._token, self.ca)

    def start(self) -> None:
        """Back when pods are scheduled and run."""
        self.etcd.start()
        self.start_apiserver()
        for part in (self.controllers, self.scheduler, self.kwok):
            part.start()
        self._until(
            lambda: self._answers("/api/v1/namespaces/default/serviceaccounts/default"), "controllers"
        )

    def start_apiserver(self) -> None:
        self.apiserver.start()
        self._until(lambda: self._answers("/readyz"), "API server")

    def restart_apiserver(self) -> None:
        self.apiserver.stop()
        self.start_apiserver()

    def stop(self) -> None:
        for part in (self.kwok, self.scheduler, self.controllers, self.apiserver, self.etcd):
            part.kill()

    def account(self, namespace: str, name: str) -> Access:
        """A service account's own access; the account is made where it is not there."""
        at = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self.request("POST", at, {"metadata": {"name": name}}, or_status=409)
        wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token = self.request("POST", f"{at}/{name}/token", wanted)["status"]["token"]
        return Access(self.url, token, self.ca)

    def request(self, method: str, path: str, body: Any = None, *, or_status: int = 0) -> dict[str, Any]:
        """The answer to the administrator; raises requests.HTTPError unless it is good, or `or_status`."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        answer = requests.request(
            method, f"{self.url}{path}", json=body, verify=str(self.ca), timeout=30,
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": kind},
        )  # fmt: skip
        if answer.status_code != or_status and not answer.ok:
            raise requests.HTTPError(
                f"{method} {path}: {answer.status_code} {answer.text[:500]}", response=answer
            )
        found: dict[str, Any] = answer.json()
        return found

    def audited(self) -> Iterator[audit.Event]:
        """Every change so far."""
        return audit.events(self.audit_log)

    def _answers(self, path: str) -> bool:
        try:
            answer = requests.get(
                f"{self.url}{path}", verify=str(self.ca), timeout=5,
                headers={"Authorization": f"Bearer {self._token}"},
            )  # fmt: skip
        except (requests.RequestException, OSError):
            return False
        return answer.ok

    def _until(self, holds: Any, what: str) -> None:
        until = time.monotonic() + READY_SECONDS
        while not holds():
            if time.monotonic() > until:
                raise PreflightFailed(
                    f"the {what} did not get ready in {READY_SECONDS:.0f} s; see {self._folder}"
                )
            time.sleep(0.1)

    def _part(self, name: str, port: str, arguments: list[str]) -> Process:
        log = self._folder / f"{name}.log"
        return Process([self._program, name, *arguments], log=log, port=self._ports[port])

    def _write_files(self) -> None:
        folder = self._folder
        (folder / "tokens.csv").write_text(f'{self._token},admin,1,"system:masters"\n')
        (folder / "audit.json").write_text(json.dumps(audit.POLICY))
        (folder / "stages.yaml").write_text(programs.stages())
        openssl = cache.tool("openssl", "openssl")
        if not (folder / "accounts.key").exists():
            cache.run([openssl, "genrsa", "-out", "accounts.key", "2048"], cwd=folder)
            cache.run([openssl, "rsa", "-in", "accounts.key", "-pubout", "-out", "accounts.pub"], cwd=folder)
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "c", "cluster": {"server": self.url, "certificate-authority": str(self.ca)}}
            ],
            "users": [{"name": "u", "user": {"token": self._token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        (folder / "kubeconfig.json").write_text(json.dumps(config))

    def _etcd(self) -> list[str]:
        client, peer = (f"http://{HOST}:{self._ports[n]}" for n in ("etcd", "peer"))
        return [
            "--name=node0", f"--data-dir={self._folder / 'etcd'}", "--unsafe-no-fsync",
            f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=node0={peer}",
        ]  # fmt: skip

    def _apiserver(self) -> list[str]:
        folder = self._folder
        return [
            f"--etcd-servers=http://{HOST}:{self._ports['etcd']}", f"--secure-port={self._ports['api']}",
            f"--bind-address={HOST}", f"--advertise-address={HOST}", f"--cert-dir={folder / 'certificates'}",
            f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=Node,RBAC",
            "--service-cluster-ip-range=10.0.0.0/24", f"--service-account-issuer={_ISSUER}",
            f"--service-account-key-file={folder / 'accounts.pub'}",
            f"--service-account-signing-key-file={folder / 'accounts.key'}", "--allow-privileged",
            "--endpoint-reconciler-type=none", f"--audit-policy-file={folder / 'audit.json'}",
            f"--audit-log-path={self.audit_log}", "--audit-log-mode=blocking",
        ]  # fmt: skip

    def _client(self, port: str) -> list[str]:
        kubeconfig = f"--kubeconfig={self._folder / 'kubeconfig.json'}"
        return [
            kubeconfig,
            "--leader-elect=false",
            f"--bind-address={HOST}",
            f"--secure-port={self._ports[port]}",
        ]

    def _controllers(self) -> list[str]:
        return [
            *self._client("controllers"), f"--root-ca-file={self.ca}", f"--controllers={_CONTROLLERS}",
            f"--service-account-private-key-file={self._folder / 'accounts.key'}",
            "--use-service-account-credentials=false", "--resource-quota-sync-period=10s",
            "--kube-api-qps=1000", "--kube-api-burst=1000",
        ]  # fmt: skip

    def _scheduler(self) -> list[str]:
        return [*self._client("scheduler"), "--kube-api-qps=1000", "--kube-api-burst=1000"]

    def _kwok(self) -> list[str]:
        return [
            f"--kubeconfig={self._folder / 'kubeconfig.json'}", "--manage-all-nodes=true",
            f"--config={self._folder / 'stages.yaml'}", "--node-lease-duration-seconds=40",
            f"--server-address={HOST}:{self._ports['kwok']}",
        ]  # fmt: skip
