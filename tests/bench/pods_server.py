"""10,000 pods as an API server lists them in pages, and a change to each of them once it is told to go.

A program of its own, so that its time is not that of those who read it; it prints its port.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.allocation import kube_shapes as k

PODS = 10_000
_GO = threading.Event()
_MANAGERS = ("kube-controller-manager", "kube-scheduler", "kubelet")


def _fields(depth: int) -> dict[str, Any]:
    named = {f"f:field-{n}": {} for n in range(6)}
    return named | ({"f:more": _fields(depth - 1), 'k:{"name":"main"}': _fields(depth - 1)} if depth else {})


def pod(number: int, *, ended: bool) -> dict[str, Any]:
    """One with a GPU in two, with the fields that a pod of a Deployment has on a real cluster."""
    one = k.pod(
        f"serve-7d9c5b8f6d-{number:05}",
        limits={"cpu": "4", "memory": "16Gi"} | ({"nvidia.com/gpu": "1"} if number % 2 else {}),
        node=f"gpu-node-{number // 8}",
        owner=k.owner("ReplicaSet", f"serve-{number // 20}"),
        labels={"app": "serve", "pod-template-hash": "7d9c5b8f6d", "team": f"team-{number % 9}"},
        **({"phase": "Succeeded", "finished": "2026-07-02T11:00:00Z"} if ended else {}),
    )
    one["metadata"] |= {
        "resourceVersion": str(number + 1 + ended * PODS),
        "generateName": "serve-7d9c5b8f6d-",
        "managedFields": [
            {"manager": m, "operation": "Update", "time": k.CREATED, "fieldsV1": _fields(2)}
            for m in _MANAGERS
        ],
    }
    one["metadata"]["ownerReferences"][0]["apiVersion"] = "apps/v1"
    [container] = one["spec"]["containers"]
    one["status"]["containerStatuses"][0] |= {
        "image": "registry.example.com/models/serve:1.4.2", "imageID": "", "ready": True, "restartCount": 0,
    }  # fmt: skip
    if ended:
        one["status"]["containerStatuses"][0]["state"]["terminated"] |= {"exitCode": 0}
    container |= {
        "image": "registry.example.com/models/serve:1.4.2",
        "env": [{"name": f"SETTING_{n}", "value": f"a value of some length {n}"} for n in range(12)],
        "volumeMounts": [{"name": f"volume-{n}", "mountPath": f"/var/run/{n}"} for n in range(3)],
    }
    one["status"]["conditions"] += [
        {"type": t, "status": "True", "lastProbeTime": None, "lastTransitionTime": k.CREATED}
        for t in ("Initialized", "Ready", "ContainersReady", "PodReadyToStartContainers")
    ]
    return {"apiVersion": "v1", "kind": "Pod"} | one


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pages: dict[tuple[int, int], bytes] = {}
    events: list[bytes] = []

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        pods = parts.path == "/api/v1/pods"
        if parts.path == "/go":
            _GO.set()
            self._answer({})
        elif "watch" in query:
            self._watch(pods)
        elif pods:
            self._page(int(query.get("limit", PODS)), int(query.get("continue", 0)))
        else:
            self._answer({"kind": "List", "metadata": {"resourceVersion": "1"}, "items": []})

    def _page(self, limit: int, first: int) -> None:
        self._send(self.pages[first, limit])

    def _watch(self, pods: bool) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        _GO.wait()
        for line in self.events if pods else ():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        threading.Event().wait()

    def _answer(self, body: dict[str, Any]) -> None:
        self._send(json.dumps(body).encode())

    def _send(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main(page: int = 500) -> None:
    for first in range(0, PODS, page):
        more = {"continue": str(first + page)} if first + page < PODS else {}
        body = {
            "kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": str(PODS), **more},
            "items": [pod(n, ended=False) for n in range(first, first + page)],
        }  # fmt: skip
        _Handler.pages[first, page] = json.dumps(body).encode()
    changes = ({"type": "MODIFIED", "object": pod(n, ended=True)} for n in range(PODS))
    _Handler.events = [json.dumps(change).encode() + b"\n" for change in changes]
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    print(server.server_address[1], sum(map(len, _Handler.pages.values())) // PODS, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
