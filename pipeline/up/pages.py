"""The pages beside the collectors: a process of its own, so that no page delays a source, started again."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from socket import socket

from collectors.live.contract import Job, Watch

_PART = "pages"
_LOOK_SECONDS = 0.5
_STOP_SECONDS = 5.0
_MOST_PAUSE_SECONDS = 60.0
"""Also how long they must have lived for their next end to count as the first."""

_START = """
import sys
sys.path[:] = sys.argv[2:]
from dashboards.handed import serve
serve(int(sys.argv[1]))
"""
"""With our own path and not the folder that we are in, whose files may have the names of our packages."""


def serving(listening: socket, environment: Mapping[str, str]) -> Job:
    """Serve on the socket, with the settings in `environment`, until told to stop.

    The socket stays ours: who asks while the pages are started again waits, and nobody else takes the port.
    Pages that end are noted and the sources go on: a reader who sees nothing is no reason to lose events.
    """

    def job(watch: Watch) -> None:
        pause = 0.0
        while not watch.wait(pause):
            began = time.monotonic()
            with _served(listening, environment) as child:
                answers = False
                while child.poll() is None:
                    if watch.wait(_LOOK_SECONDS):
                        return
                    if not answers and (answers := _answers(listening)):
                        watch.goes_on(_PART)
            lived = time.monotonic() - began
            pause = 1.0 if lived > _MOST_PAUSE_SECONDS else min(max(2 * pause, 1.0), _MOST_PAUSE_SECONDS)
            watch.notes(_PART, f"{_end(child.returncode)}; they are started again")

    return job


def _end(code: int) -> str:
    return f"their process was killed by signal {-code}" if code < 0 else f"their process ended with {code}"


@contextmanager
def _served(listening: socket, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """In a session of its own, so that Ctrl-C is ours to tell it; its input ends when we do, however."""
    command = [sys.executable, "-c", _START, str(listening.fileno()), *sys.path]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, pass_fds=[listening.fileno()], start_new_session=True,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert child.stdin is not None
    with child.stdin:
        try:
            yield child
        finally:
            child.terminate()
            with suppress(subprocess.TimeoutExpired):
                child.wait(_STOP_SECONDS)
            child.kill()
            child.wait()


def _answers(listening: socket) -> bool:
    host, port = listening.getsockname()[:2]
    asked = http.client.HTTPConnection(host, port, timeout=_LOOK_SECONDS)
    try:
        asked.request("GET", "/_stcore/health")
        return asked.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()
