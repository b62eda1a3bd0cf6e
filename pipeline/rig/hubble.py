"""The real hubble-relay and the real `hubble` command, with a server that plays one agent of the cluster.

The agent speaks the protocol of Cilium's own descriptions, which are compiled beside the programs.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

from pipeline.errors import PreflightFailed
from pipeline.rig import cache, golang
from pipeline.rig.processes import HOST, Process, Server, free_port
from pipeline.rig.tls import Certificates

_MODULE = "github.com/cilium/cilium"
_VERSION = "v1.20.2"
_PROGRAMS = ("hubble", "hubble-relay")
_PROTOS = ("flow/flow.proto", "observer/observer.proto", "peer/peer.proto", "relay/relay.proto")
_DESCRIPTIONS = "api.binpb"


def _build(folder: Path) -> None:
    go = golang.program("hubble-relay")
    extra = {"GOFLAGS": "-mod=mod", "CGO_ENABLED": "0", "GOBIN": str(folder)}
    packages = [f"{_MODULE}/{name}" for name in _PROGRAMS]
    source = folder / "source"
    source.mkdir()
    cache.run([go, "mod", "init", "rig.invalid/hubble"], cwd=source, extra=extra)
    cache.run([go, "get", *(f"{package}@{_VERSION}" for package in packages)], cwd=source, extra=extra)
    cache.run(["nice", go, "install", "-trimpath", "-ldflags", "-s -w", *packages], cwd=source, extra=extra)
    module = cache.run([go, "list", "-m", "-f", "{{.Dir}}", _MODULE], cwd=source, extra=extra).strip()
    compile_ = [sys.executable, "-m", "grpc_tools.protoc", f"-I{module}/api/v1", "--include_imports"]
    cache.run([*compile_, f"--descriptor_set_out={folder / _DESCRIPTIONS}", *_PROTOS], cwd=source)


PROGRAMS = cache.Artifact("hubble", f"{_MODULE} {_VERSION} {_PROTOS}".encode(), _build)


def messages() -> dict[str, Any]:
    """Cilium's own message classes by full name, for example `observer.GetFlowsResponse`."""
    files = descriptor_pb2.FileDescriptorSet.FromString((PROGRAMS.found() / _DESCRIPTIONS).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    names = [file.name for file in files.file]
    return dict(message_factory.GetMessageClassesForFiles(names, pool))


class Agent:
    """One node's agent with recorded flows in its ring; `add` lets it see more while clients follow.

    `ring` bounds what it still has for a client that comes later, as the real one's memory does.
    """

    def __init__(self, lines: Sequence[bytes] = (), *, name: str = "rig/node", ring: int = 4_095) -> None:
        self._classes = messages()
        self._name, self.ring = name, ring
        self.others: list[Agent] = []
        """Agents of the cluster's other nodes, which it tells relay of."""
        self._events: list[Any] = []
        self._changed = threading.Condition()
        self._server: grpc.Server | None = None
        self.port = free_port()
        self.masks: list[list[str]] = []
        """Field masks that clients asked for."""
        self.add(lines)

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def add(self, lines: Sequence[bytes]) -> None:
        """Events as lines of an export file."""
        response = self._classes["observer.GetFlowsResponse"]
        parsed = [json_format.Parse(line, response()) for line in lines]
        with self._changed:
            self._events.extend(parsed)
            self._changed.notify_all()

    def start(self) -> None:
        if self._server is not None:
            return
        self._server = grpc.server(ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers(
            (
                self._service("observer.Observer", "GetFlows", "observer.GetFlowsRequest", self._flows),
                self._service("peer.Peer", "Notify", "peer.NotifyRequest", self._peers),
            )
        )
        self._server.add_insecure_port(self.address)
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            with self._changed:
                server, self._server = self._server, None
                self._changed.notify_all()
            server.stop(0.2).wait()

    def _service(self, service: str, method: str, request: str, answer: Any) -> Any:
        handler = grpc.unary_stream_rpc_method_handler(
            answer,
            request_deserializer=self._classes[request].FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
        return grpc.method_handlers_generic_handler(service, {method: handler})

    def _peers(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        for agent in (self, *self.others):
            yield self._classes["peer.ChangeNotification"](name=agent._name, address=agent.address, type=1)
        while self._server is not None and context.is_active():
            with self._changed:
                self._changed.wait(0.2)

    def _flows(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self.masks.append(list(request.field_mask.paths))
        with self._changed:
            at = max(0, len(self._events) - self.ring)
        since = request.since.ToNanoseconds() if request.HasField("since") else None
        number = request.number if request.number and since is None else None
        if number is not None:
            at = max(at, len(self._events) - number)
        while self._server is not None and context.is_active():
            with self._changed:
                fresh = self._events[at:]
                at += len(fresh)
                if not fresh and request.follow:
                    self._changed.wait(0.2)
            for event in fresh:
                if since is None or event.time.ToNanoseconds() >= since:
                    yield _masked(event, request.field_mask)
            if not request.follow and not fresh:
                return
        # A stream that ends in order is one that relay does not ask for again.
        context.abort(grpc.StatusCode.UNAVAILABLE, "the agent ends")


def _masked(event: Any, mask: Any) -> Any:
    """Of the flow only what the mask names, as an agent does."""
    if not mask.paths or not event.HasField("flow"):
        return event
    kept = type(event)(node_name=event.node_name)
    kept.time.CopyFrom(event.time)
    mask.MergeMessage(event.flow, kept.flow)
    return kept


class Relay(Server):
    """hubble-relay in front of agents, and `observe` with the real command."""

    def __init__(self, folder: Path, agent: Agent, *, tls: Certificates | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        programs = PROGRAMS.found()
        self.address = f"{HOST}:{free_port()}"
        self.process = Process(
            [
                str(programs / "hubble-relay"), "serve", f"--peer-service={agent.address}",
                "--disable-client-tls", f"--listen-address={self.address}", "--retry-timeout=500ms",
                f"--health-listen-address={HOST}:{free_port()}", "--gops=false", *_server(tls),
            ],
            log=folder / "relay.log", port=int(self.address.rpartition(":")[2]),
        )  # fmt: skip

    def observe(self, *arguments: str) -> list[str]:
        """Lines of `hubble observe`, asked of this relay."""
        return observe("--server", self.address, *arguments)


class Hubble:
    """Two nodes, n1 and n2, behind relay; n1's agent tells relay of both."""

    def __init__(self, folder: Path, *, tls: Certificates | None = None) -> None:
        self.agents = (Agent(name="n1"), Agent(name="n2"))
        self.agents[0].others.append(self.agents[1])
        self.relay = Relay(folder, self.agents[0], tls=tls)

    def start(self) -> None:
        for one in (*self.agents, self.relay):
            one.start()

    def stop(self) -> None:
        for one in (self.relay, *self.agents):
            one.stop()


def _server(tls: Certificates | None) -> list[str]:
    """With TLS a client must have a certificate of the same authority."""
    if tls is None:
        return ["--disable-server-tls"]
    pem = tls.keystore
    return [
        f"--tls-relay-server-cert-file={pem}", f"--tls-relay-server-key-file={pem}",
        f"--tls-relay-client-ca-files={tls.cafile}",
    ]  # fmt: skip


def observe(*arguments: str) -> list[str]:
    """Lines of the real `hubble observe`; with `--input-file` it reads a file.  Raises PreflightFailed."""
    command = [str(PROGRAMS.found() / "hubble"), "observe", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise PreflightFailed(f"hubble observe failed: {done.stderr[-500:]}")
    return done.stdout.splitlines()
