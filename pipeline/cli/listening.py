"""A socket to serve on, or a sentence that says why there is none."""

from __future__ import annotations

from socket import create_server, socket

from pipeline.errors import PreflightFailed


def listen(host: str, port: int, remedy: str = "choose another --port or --host") -> socket:
    """A socket that takes connections from now on; 0 takes a free port."""
    try:
        return create_server((host, port))
    except OSError as error:
        why = str(error.strerror).partition(" (while ")[0]  # Python says the address again
        raise PreflightFailed(f"cannot listen on {host}:{port}: {why}; {remedy}") from error
