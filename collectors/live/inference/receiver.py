"""The HTTP server: it takes bodies within bounds, hands them over, and answers each when it is safe."""

from __future__ import annotations

import asyncio
import hmac
import logging
import queue
import socket
import threading
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from collectors.live.inference import certificate
from collectors.live.inference.parameters import InferenceSettings
from collectors.live.inference.peers import Peers
from pipeline.errors import PreflightFailed

log = logging.getLogger("driftledger.collect")

_READ_SECONDS = 10.0
"""A sender that is slower holds memory for nothing."""
_ANSWER_SECONDS = 30.0
"""Longest wait for the ledger; then the sender is told to come again, and is known as a repeat."""
_CONNECTIONS = 1_000
_MOST_POSTS = 10_000
"""Requests in the queue, also those whose sender was told to come again."""
_START_SECONDS = 10.0
_PLAIN = "identity"


@dataclass(slots=True)
class Post:
    """A request in hand; names of `headers` in lower case."""

    path: str
    headers: Mapping[str, str]
    _bodies: list[bytes]
    _loop: asyncio.AbstractEventLoop
    _answered: asyncio.Future[tuple[int, bytes]]

    def body(self) -> bytes | None:
        """Once; None where the sender was told meanwhile to come again: it is not to be held any longer."""
        try:
            return self._bodies.pop()
        except IndexError:
            return None

    def answer(self, status: int, content: Mapping[str, Any]) -> None:
        """From any thread; a sender that is gone hears nothing."""
        said = status, msgspec.json.encode(content)
        self._loop.call_soon_threadsafe(self._set, said)

    def _set(self, said: tuple[int, bytes]) -> None:
        if not self._answered.done():
            self._answered.set_result(said)


class _Server(uvicorn.Server):
    """Says when it takes connections, or has ended without."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.begun = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.begun.set()

    def serve_on(self, bound: socket.socket) -> None:
        try:
            self.run([bound])
        finally:
            self.begun.set()


class Receiver:
    """Serves from `start` to `stop`; `paths` are those that exist."""

    def __init__(self, settings: InferenceSettings, paths: Iterable[str]) -> None:
        self._settings = settings
        self._posts: queue.SimpleQueue[Post] = queue.SimpleQueue()
        self._in_hand = 0
        self._peers = Peers(settings)
        routes = [Route(path, self._take, methods=["POST"]) for path in paths]
        config = uvicorn.Config(
            Starlette(routes=routes), log_config=None, access_log=False, lifespan="off", server_header=False,
            limit_concurrency=_CONNECTIONS, timeout_graceful_shutdown=1, ws="none",
            **certificate.files(settings),
        )  # fmt: skip
        self._server = _Server(config)
        self._socket = _bound(settings)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.serve_on, args=(self._socket,), name="inference-http", daemon=True
        )

    def start(self) -> None:
        self._thread.start()
        self._server.begun.wait(_START_SECONDS)
        if not self._server.started:
            raise PreflightFailed(f"the server on port {self.port} does not start")

    def stop(self) -> None:
        """Who still waits for an answer is told to come again."""
        for post in self.gathered(0, 0):
            post.answer(503, {"error": "stopping"})
        self._server.should_exit = True
        self._thread.join(_START_SECONDS)
        self._peers.threads.shutdown(wait=False, cancel_futures=True)
        self._socket.close()

    def gathered(self, first_seconds: float, more_seconds: float) -> list[Post]:
        """What came: waits so long for a first request, then so long for more."""
        found: list[Post] = []
        until = time.monotonic() + first_seconds
        while True:
            try:
                left = until - time.monotonic()
                found.append(self._posts.get(timeout=left) if left > 0 else self._posts.get_nowait())
            except queue.Empty:
                return found
            if len(found) == 1:
                until = time.monotonic() + more_seconds

    async def _take(self, request: Request) -> Response:
        given = self._settings.token
        if given and not _carries(request, str(given)):
            return _said(401, "a bearer token is asked for", {"WWW-Authenticate": "Bearer"})
        most = self._settings.max_body_bytes
        length = request.headers.get("content-length", "")
        claimed = int(length) if length.isdigit() else most
        if claimed > most:
            return _said(413, f"a body of {claimed} bytes, at most {most}")
        # What it may become in memory is reserved before a byte of it is read.
        reserved = most if request.headers.get("content-encoding", _PLAIN) != _PLAIN else claimed
        full = self._in_hand + reserved > max(self._settings.max_waiting_bytes, most)
        if full or self._posts.qsize() >= _MOST_POSTS:
            return _said(503, "as much as may wait is waiting", {"Retry-After": "1"})
        self._in_hand += reserved
        try:
            return await self._handed_over(request)
        except HTTPException as error:
            return _said(error.status_code, error.detail, {"Connection": "close"})
        except ClientDisconnect:
            return _said(400, "the sender is gone")
        finally:
            self._in_hand -= reserved

    async def _handed_over(self, request: Request) -> Response:
        try:
            body = await asyncio.wait_for(self._body(request), _READ_SECONDS)
        except TimeoutError:
            raise HTTPException(408, f"the body took over {_READ_SECONDS:g} s") from None
        loop = asyncio.get_running_loop()
        if other := self._peers.elsewhere(request.url.path, request.headers):
            status, content = await loop.run_in_executor(
                self._peers.threads,
                self._peers.passed_on,
                other,
                request.url.path,
                request.headers,
                body,
                _ANSWER_SECONDS,
            )
            return _answered(status, content)
        answered: asyncio.Future[tuple[int, bytes]] = loop.create_future()
        post = Post(request.url.path, dict(request.headers), [body], loop, answered)
        del body
        self._posts.put(post)
        try:
            status, content = await asyncio.wait_for(answered, _ANSWER_SECONDS)
        except TimeoutError:
            post.body()
            return _said(503, "the ledger does not answer", {"Retry-After": "5"})
        return _answered(status, content)

    async def _body(self, request: Request) -> bytes:
        most, parts, size = self._settings.max_body_bytes, [], 0
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise HTTPException(413, f"a body of over {most} bytes")
            parts.append(part)
        return _unpacked(b"".join(parts), request.headers.get("content-encoding", _PLAIN), most)


def _answered(status: int, content: bytes) -> Response:
    headers = {"Retry-After": "1"} if status == 503 else None
    return Response(content, status, headers, media_type="application/json")


def _bound(settings: InferenceSettings) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        found = socket.socket(family)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((settings.host, settings.port))
    except OSError as error:
        raise PreflightFailed(
            f"inference.port {settings.port} on {settings.host} cannot be used ({error.strerror}); "
            "write another one, or 0 for any"
        ) from error
    return found


def _carries(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def _unpacked(body: bytes, encoding: str, most: int) -> bytes:
    if encoding == _PLAIN:
        return body
    if encoding != "gzip":
        raise HTTPException(415, "content-encoding is identity or gzip")
    unpack = zlib.decompressobj(31)
    try:
        found = unpack.decompress(body, most)
    except zlib.error:
        raise HTTPException(400, "the body is no gzip") from None
    if unpack.unconsumed_tail:
        raise HTTPException(413, f"a body of over {most} bytes after decompression")
    if not unpack.eof:
        raise HTTPException(400, "the gzip body is cut off")
    return found


def _said(status: int, error: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode({"error": error}), status, dict(headers or {}), "application/json")
