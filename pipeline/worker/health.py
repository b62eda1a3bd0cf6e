"""/healthz, /readyz and /metrics, answered from a thread of their own so that work never delays them."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pipeline.errors import PreflightFailed

if TYPE_CHECKING:
    from pipeline.worker.report import Report


def pages(report: Report) -> Starlette:
    async def healthz(_request: Request) -> Response:
        broken = report.broken
        return PlainTextResponse(broken or "ok", 503 if broken else 200)

    async def readyz(_request: Request) -> Response:
        reasons = report.not_ready()
        return PlainTextResponse("\n".join(reasons) or "ok", 503 if reasons else 200)

    async def metrics(_request: Request) -> Response:
        report.metrics.ready.set(not report.not_ready())
        return Response(generate_latest(report.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
    )


class HealthServer:
    """Serves from `start` to `stop`; `port` is the one that was bound."""

    def __init__(self, report: Report, host: str, port: int) -> None:
        self._socket = _bind(host, port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(pages(report), log_config=None, access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="health", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=1)
        self._socket.close()

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))


def _bind(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        raise PreflightFailed(
            f"worker.health_port {port} on {host} cannot be used ({error.strerror}); "
            "write another one, or 0 for any"
        ) from error
    return bound
