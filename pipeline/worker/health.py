"""/healthz, /readyz and /metrics, answered from threads of their own so that work never delays them."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from pipeline.errors import PreflightFailed

if TYPE_CHECKING:
    from pipeline.worker.report import Report

_TEXT = "text/plain; charset=utf-8"


class _Answers(BaseHTTPRequestHandler):
    """The three pages of a report; subclassed with the one to show."""

    report: ClassVar[Report]
    timeout = 10
    """Seconds that a silent client may hold its thread."""

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/healthz":
                self._text([reason] if (reason := self.report.broken) else [])
            case "/readyz":
                self._text(self.report.not_ready())
            case "/metrics":
                self.report.metrics.ready.set(not self.report.not_ready())
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(self.report.metrics.registry))
            case _:
                self._answer(404, _TEXT, b"/healthz, /readyz and /metrics are here\n")

    def _text(self, reasons: list[str]) -> None:
        self._answer(503 if reasons else 200, _TEXT, "\n".join([*(reasons or ["ok"]), ""]).encode())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Probes come every few seconds: they are no news."""


class HealthServer:
    """Serves from `start` to `stop`; `port` is the one that was bound."""

    def __init__(self, report: Report, host: str, port: int) -> None:
        answers = type("Answers", (_Answers,), {"report": report})
        try:
            self._server = ThreadingHTTPServer((host, port), answers)
        except OSError as error:
            raise PreflightFailed(
                f"worker.health_port {port} on {host} cannot be used ({error.strerror}); "
                "write another one, or 0 for any"
            ) from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
