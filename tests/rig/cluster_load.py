"""Ten thousand pods, one in two with a GPU, written straight to an API server, and the end of each."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.rig.kube.cluster import Access, Kube
from tests.allocation import kube_shapes as k
from tests.rig.cluster_objects import Json

PODS = 10_000
WRITERS = 8
NAMESPACE = "load"
_GPU = "nvidia.com/gpu"
_AT = f"/api/v1/namespaces/{NAMESPACE}/pods"


class Server(Kube):
    """The API server and its storage alone: nobody schedules, runs or removes a pod, and no log is kept."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        nothing = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "None"}]}
        (folder / "audit.json").write_text(json.dumps(nothing))

    def start(self) -> None:
        self.etcd.start()
        self.start_apiserver()


def fill(kube: Kube, pods: int = PODS) -> None:
    """Pods as those of Deployments are, that run on nodes of eight."""
    kube.request("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    accounts = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
    kube.request("POST", accounts, {"metadata": {"name": "default"}})

    def one(send: Callable[[str, str, Json], None], number: int) -> None:
        body = _pod(number)
        send("POST", _AT, {name: body[name] for name in ("metadata", "spec")})
        send("PATCH", f"{_AT}/{_name(number)}/status", {"status": body["status"]})

    _each(kube.admin, range(pods), one)


def end(kube: Kube, pods: int = PODS) -> None:
    """One change of each: all its containers have ended well."""
    ended = k.pod("x", phase="Succeeded", finished="2026-07-02T11:00:00Z")["status"]["containerStatuses"][0]
    ended["state"]["terminated"] |= {"exitCode": 0}

    def one(send: Callable[[str, str, Json], None], number: int) -> None:
        status = {"phase": "Succeeded", "containerStatuses": [ended | _IMAGE]}
        send("PATCH", f"{_AT}/{_name(number)}/status", {"status": status})

    _each(kube.admin, range(pods), one)


_IMAGE = {"image": "registry.example.com/models/serve:1.4.2", "imageID": "", "ready": True, "restartCount": 0}


def _name(number: int) -> str:
    return f"serve-7d9c5b8f6d-{number:05}"


def _pod(number: int) -> Json:
    """With the fields that a pod of a Deployment has on a real cluster; the server adds its own."""
    one = k.pod(
        _name(number),
        limits={"cpu": "4", "memory": "16Gi"} | ({_GPU: "1"} if number % 2 else {}),
        node=f"gpu-node-{number // 8}",
        owner=k.owner("ReplicaSet", f"serve-{number // 20}", "apps/v1"),
        labels={"app": "serve", "pod-template-hash": "7d9c5b8f6d", "team": f"team-{number % 9}"},
    )
    kept = ("name", "labels", "ownerReferences")
    one["metadata"] = {name: one["metadata"][name] for name in kept}
    one["spec"] |= {
        "automountServiceAccountToken": False,
        "volumes": [{"name": f"volume-{n}", "emptyDir": {}} for n in range(3)],
    }
    [container], [status] = one["spec"]["containers"], one["status"]["containerStatuses"]
    container |= {
        "image": _IMAGE["image"],
        "env": [{"name": f"SETTING_{n}", "value": f"a value of some length {n}"} for n in range(12)],
        "volumeMounts": [{"name": f"volume-{n}", "mountPath": f"/var/run/{n}"} for n in range(3)],
    }
    status |= _IMAGE | {"state": {"running": {"startedAt": k.CREATED}}}
    one["status"]["conditions"] += [
        {"type": t, "status": "True", "lastProbeTime": None, "lastTransitionTime": k.CREATED}
        for t in ("Initialized", "Ready", "ContainersReady", "PodReadyToStartContainers")
    ]
    return one


def _each(
    access: Access,
    numbers: Iterable[int],
    one: Callable[[Callable[[str, str, Json], None], int], None],
) -> None:
    """Each number once, by a few writers with a connection each."""
    server, trusted = urlsplit(access.server), ssl.create_default_context(cafile=str(access.ca))
    mine, opened = threading.local(), list[HTTPSConnection]()

    def send(method: str, path: str, body: Json) -> None:
        if not hasattr(mine, "connection"):
            mine.connection = HTTPSConnection(server.hostname or "", server.port, context=trusted)
            opened.append(mine.connection)
        form = "application/strategic-merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Authorization": f"Bearer {access.token}", "Content-Type": form}
        mine.connection.request(method, path, body=json.dumps(body), headers=headers)
        answer = mine.connection.getresponse()
        said = answer.read()
        assert answer.status < 300, (method, path, said[:500])

    with ThreadPoolExecutor(WRITERS) as pool:
        for _ in pool.map(lambda number: one(send, number), numbers):
            pass
    for connection in opened:
        connection.close()
