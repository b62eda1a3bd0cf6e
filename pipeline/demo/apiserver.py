"""A simulated Kubernetes API server on loopback: real HTTP, for the demo and the tests of the actuator."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from pipeline.demo import apiserver_answers as answers
from pipeline.demo.apiserver_faults import AuditEntry, Behaviour, Fault
from pipeline.demo.apiserver_objects import Apps, Conflict, Invalid
from pipeline.demo.apiserver_patch import PatchRefused, json_patch, merge_patch
from pipeline.demo.apiserver_shapes import Object

MAX_BODY_BYTES = 3 * 1024 * 1024
HOLD_SECONDS = 60.0

_OBJECTS = re.compile(r"/apis/apps/v1/namespaces/([^/]+)/(deployments|replicasets)(?:/([^/]+))?")
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_PATCHES = {"application/json-patch+json": json_patch, "application/merge-patch+json": merge_patch}


class ApiServer:
    """Serves on 127.0.0.1 and a free port from entering to leaving; `apps` is the cluster behind it."""

    def __init__(self, token: str) -> None:
        self.apps = Apps()
        self.behaviour = Behaviour()
        self.released = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self, token))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=partial(self._http.serve_forever, 0.05), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def audit(self) -> tuple[AuditEntry, ...]:
        return self.behaviour.audit

    def deny(self, verb: str, resource: str) -> None:
        self.behaviour.deny(verb, resource)

    def inject(self, fault: Fault) -> None:
        self.behaviour.inject(fault)

    def tick(self, *, complete: bool = True) -> None:
        self.apps.tick(complete=complete)

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: in two, the client's delayed acknowledgement costs 40 ms a request.
    wbufsize = 65_536

    def __init__(self, server: ApiServer, token: str, *arguments: Any) -> None:
        self._server, self._token = server, token
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the audit log holds what was asked."""

    def _serve(self) -> None:
        try:
            code, answer = 200, self._answer()
        except answers.Refused as refused:
            code, answer = refused.code, answers.status(refused)
        body = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self) -> Object:
        body = self._body()
        if self.headers.get("Authorization") != f"Bearer {self._token}":
            raise answers.Refused(401, "Unauthorized")
        parts = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        if parts.path == _REVIEWS and self.command == "POST":
            self._server.behaviour.record(AuditEntry("create", parts.path, False))
            return answers.review(self._server.behaviour, answers.parsed(body))
        found = _OBJECTS.fullmatch(parts.path)
        if found is None:
            raise answers.Refused(404, "the server could not find the requested resource")
        namespace, plural, name = found.groups()
        verb = answers.verb(self.command, plural, name)
        dry_run = answers.dry_run(query)
        self._server.behaviour.record(AuditEntry(verb, parts.path, dry_run))
        return self._act(verb, namespace, plural, name or "", query, body, dry_run)

    def _act(
        self,
        verb: str,
        namespace: str,
        plural: str,
        name: str,
        query: Mapping[str, str],
        body: bytes,
        dry_run: bool,
    ) -> Object:
        behaviour, apps = self._server.behaviour, self._server.apps
        fault = behaviour.strike(verb, dry_run)
        if fault == "forbidden" or behaviour.denied(verb, plural):
            raise answers.Refused(403, answers.forbidden(verb, namespace, plural, name))
        if fault == "conflict":
            raise answers.Refused(409, f'Operation cannot be fulfilled on {plural}.apps "{name}"')
        if fault == "server_error":
            raise answers.Refused(500, "etcdserver: request timed out")
        if fault == "timeout":
            self._server.released.wait(HOLD_SECONDS)
            raise answers.Refused(500, "the server stopped before it took the request")
        if verb == "list":
            return answers.listing(apps, namespace, plural, query)
        answer = (
            self._patch(namespace, name, query, body, dry_run)
            if verb == "patch"
            else answers.get(apps, namespace, plural, name)
        )
        if fault == "timeout_after_success":
            self._server.released.wait(HOLD_SECONDS)
        return answer

    def _patch(
        self, namespace: str, name: str, query: Mapping[str, str], body: bytes, dry_run: bool
    ) -> Object:
        if query.get("fieldValidation", "Warn") not in ("Strict", "Warn", "Ignore"):
            raise answers.Refused(422, "fieldValidation: Unsupported value")
        apply = _PATCHES.get(self.headers.get("Content-Type", ""))
        if apply is None:
            raise answers.Refused(415, "the body of the request was in an unknown format")
        patch = answers.parsed(body)
        manager = query.get("fieldManager", "unknown")
        try:
            return self._server.apps.change(
                namespace, name, lambda held: apply(held, patch), manager=manager, dry_run=dry_run
            )
        except KeyError as error:
            raise answers.Refused(404, f'deployments.apps "{name}" not found') from error
        except Conflict as error:
            raise answers.Refused(
                409, f'Operation cannot be fulfilled on deployments.apps "{name}": {error}'
            ) from error
        except PatchRefused as error:
            raise answers.Refused(
                422, "the server rejected our request due to an error in our request"
            ) from error
        except Invalid as error:
            raise answers.Refused(422, f'Deployment.apps "{name}" is invalid: {error}') from error

    def _body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY_BYTES:
            raise answers.Refused(413, "the request is too large")
        return self.rfile.read(length)
