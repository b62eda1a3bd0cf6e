"""How each part of the control plane is started: its arguments, and the kubeconfig they share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.rig.processes import HOST

PORTS = ("etcd", "peer", "api", "controllers", "scheduler", "kwok")
_OFF = ("node-ipam-controller", "node-route-controller", "cloud-node-lifecycle-controller")
_ISSUER = "https://kubernetes.default.svc"
_MOST_AUDIT_MB = 100_000
"""The log is moved aside at 100 MB by default, and then its beginning is in another file."""
_GATES = "--feature-gates=GenericWorkload=true,DRAWorkloadResourceClaims=true"
"""Alpha in 1.36, the only ones that are not by default: PodGroups, and ResourceClaims that a group holds."""
_GROUPS = "--runtime-config=scheduling.k8s.io/v1alpha2=true"
# The defaults hold a client back to 20 requests a second.
_QUICK = ("--kube-api-qps=1000", "--kube-api-burst=1000")


@dataclass(frozen=True, slots=True)
class Arguments:
    """`ports` is by the names in PORTS; all files lie in `folder`."""

    folder: Path
    ports: Mapping[str, int]

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.ports['api']}"

    @property
    def ca(self) -> Path:
        """The server's own certificate, which it makes at its first start."""
        return self.folder / "certificates" / "apiserver.crt"

    def kubeconfig(self, token: str) -> str:
        cluster = {"server": self.url, "certificate-authority": str(self.ca)}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "rig", "cluster": cluster}],
                "users": [{"name": "admin", "user": {"token": token}}],
                "contexts": [{"name": "rig", "context": {"cluster": "rig", "user": "admin"}}],
                "current-context": "rig",
            }
        )

    def etcd(self) -> list[str]:
        client, peer = (f"http://{HOST}:{self.ports[name]}" for name in ("etcd", "peer"))
        return [
            "--name=node0", f"--data-dir={self.folder / 'etcd'}", "--unsafe-no-fsync",
            f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=node0={peer}",
        ]  # fmt: skip

    def apiserver(self) -> list[str]:
        folder = self.folder
        return [
            f"--etcd-servers=http://{HOST}:{self.ports['etcd']}", f"--secure-port={self.ports['api']}",
            f"--bind-address={HOST}", f"--advertise-address={HOST}", f"--cert-dir={self.ca.parent}",
            f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=Node,RBAC",
            "--service-cluster-ip-range=10.0.0.0/24", f"--service-account-issuer={_ISSUER}",
            f"--service-account-key-file={folder / 'accounts.pub'}",
            f"--service-account-signing-key-file={folder / 'accounts.key'}", "--allow-privileged",
            "--endpoint-reconciler-type=none", f"--audit-policy-file={folder / 'audit.json'}",
            f"--audit-log-path={folder / 'audit.log'}", "--audit-log-mode=blocking",
            f"--audit-log-maxsize={_MOST_AUDIT_MB}", "--shutdown-watch-termination-grace-period=1s",
            _GATES, _GROUPS,
        ]  # fmt: skip

    def controllers(self) -> list[str]:
        wanted = ",".join(["*", *(f"-{name}" for name in _OFF)])
        return [
            *self._client("controllers"), *_QUICK, f"--root-ca-file={self.ca}", f"--controllers={wanted}",
            f"--service-account-private-key-file={self.folder / 'accounts.key'}",
            "--use-service-account-credentials=false", "--resource-quota-sync-period=10s", _GATES,
        ]  # fmt: skip

    def scheduler(self) -> list[str]:
        return [*self._client("scheduler"), *_QUICK, _GATES]

    def kwok(self, stages: Path) -> list[str]:
        return [
            self._config(), "--manage-all-nodes=true", f"--config={stages}",
            "--node-lease-duration-seconds=40", f"--server-address={HOST}:{self.ports['kwok']}",
        ]  # fmt: skip

    def _client(self, port: str) -> list[str]:
        place = [f"--bind-address={HOST}", f"--secure-port={self.ports[port]}"]
        return [self._config(), "--leader-elect=false", *place]

    def _config(self) -> str:
        return f"--kubeconfig={self.folder / 'kubeconfig.json'}"
