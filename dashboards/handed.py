"""The pages on a socket that another process holds, for as long as that process lives."""

from __future__ import annotations

import os
import sys
import threading
from socket import socket


def serve(descriptor: int) -> None:
    """Serve on the open socket; the end of our standard input is the end of who started us."""
    threading.Thread(target=_end_with_it, daemon=True).start()
    from dashboards.server import serve as serve_pages

    serve_pages(socket(fileno=descriptor))


def _end_with_it() -> None:
    sys.stdin.buffer.read()
    os._exit(0)
