"""A socket to serve on, or a sentence that says why there is none."""

from __future__ import annotations

from socket import create_server, socket

from pipeline.errors import PreflightFailed


def listen(host: str, port: int) -> socket:
    """A socket that takes connections from now on; 0 takes a free port."""
    try:
        return create_server((host, port))
    except OSError as error:
        remedy = f"{error.strerror}; choose another --port or --host"
        raise PreflightFailed(f"cannot listen on {host}:{port}: {remedy}") from error
