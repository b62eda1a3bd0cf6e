"""/healthz, /readyz and /metrics, answered from threads of their own so that work never delays them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from pipeline.errors import PreflightFailed

_TEXT = "text/plain; charset=utf-8"


class Shown(Protocol):
    """What the pages show of a process."""

    @property
    def broken(self) -> str | None:
        """Why it is to be restarted."""

    def not_ready(self) -> list[str]: ...

    def remarks(self) -> list[str]: ...

    def registry(self) -> CollectorRegistry:
        """The numbers, as of now."""


class _Answers(BaseHTTPRequestHandler):
    """The three pages of a process; subclassed with the one to show."""

    shown: ClassVar[Shown]
    timeout = 10
    """Seconds that a silent client may hold its thread."""

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/healthz":
                self._text([reason] if (reason := self.shown.broken) else [])
            case "/readyz":
                self._text(self.shown.not_ready(), self.shown.remarks())
            case "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(self.shown.registry()))
            case _:
                self._answer(404, _TEXT, b"/healthz, /readyz and /metrics are here\n")

    def _text(self, reasons: list[str], remarks: Sequence[str] = ()) -> None:
        lines = [*(reasons or ["ok"]), *remarks, ""]
        self._answer(503 if reasons else 200, _TEXT, "\n".join(lines).encode())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Probes come every few seconds: they are no news."""


class HealthServer:
    """Serves from `start` to `stop`; `port` is what was bound, `setting` the name of what was asked for."""

    def __init__(self, shown: Shown, host: str, port: int, setting: str) -> None:
        answers = type("Answers", (_Answers,), {"shown": shown})
        try:
            self._server = ThreadingHTTPServer((host, port), answers)
        except OSError as error:
            raise PreflightFailed(
                f"{setting} {port} on {host} cannot be used ({error.strerror}); "
                "write another one, or 0 for any"
            ) from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
