"""The web server of the pages: Streamlit with the defaults that a page full of other people's names needs."""

from __future__ import annotations

from pathlib import Path
from socket import socket

import streamlit as st
import uvicorn
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config

SCRIPT = Path(__file__).with_name("app.py")

HEADERS = {
    # Blocks every request to elsewhere, so that a label that slips through as markup fetches nothing.
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}

OPTIONS = {
    "browser.gatherUsageStats": False,
    "client.disableDataExport": True,  # its CSV would hold formulas; `-o csv` does not
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,  # they hand the error to search engines
    "client.toolbarMode": "viewer",
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,
    "server.fileWatcherType": "none",
    "server.headless": True,
    "global.developmentMode": False,
}


class SafeHeaders:
    """ASGI middleware that sends HEADERS with every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                safe = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *safe]}
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def serve(listening: socket) -> None:
    """Serve until interrupted; the pages read their settings from the environment."""
    host, port = listening.getsockname()[:2]
    for name, value in {**OPTIONS, "server.address": host, "server.port": port}.items():
        config.set_option(name, value)
    app = st.App(SCRIPT, middleware=[Middleware(SafeHeaders)])
    uvicorn.Server(uvicorn.Config(app, log_level="warning", server_header=False)).run(sockets=[listening])
