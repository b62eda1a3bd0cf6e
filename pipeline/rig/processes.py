"""A server as a child process: ready by a deadline, ended by its id, and never outliving who started it."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from pipeline.errors import PreflightFailed
from pipeline.rig import cache

READY_SECONDS = 60.0
STOP_SECONDS = 40.0
HOST = "127.0.0.1"


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def kept_port(folder: Path, name: str) -> int:
    """The port written down in the folder, a free one the first time: clients find the server again there."""
    note = folder / f"{name}.port"
    if note.is_file():
        return int(note.read_text())
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    note.write_text(str(port))
    return port


def listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for a server that listens before it is ready; raises PreflightFailed after READY_SECONDS."""
    deadline = time.monotonic() + READY_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise PreflightFailed(f"not ready in {READY_SECONDS:.0f} s: {what}")
        time.sleep(0.05)


class Process:
    """One command, started and ended as often as wanted; `log` collects what it prints.

    It is ready once it has logged `ready`, or, without such a text, once it listens on `port`.  `user` is
    whom a process of root runs as; `stop_signal` asks it to end.  Start it from a thread that stays: the
    kernel kills it when the thread that started it ends, which is how it goes away with a test run.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        port: int,
        ready: str | None = None,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        extra: dict[str, str] | None = None,
    ) -> None:
        self.command = [*_tied(user), *command]
        self.log, self.port, self.ready, self.stop_signal = log, port, ready, stop_signal
        self._extra = extra or {}
        self._child: subprocess.Popen[bytes] | None = None
        self._logged_before = 0

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def start(self) -> None:
        """Start it and wait until it is ready; raises PreflightFailed with its last lines otherwise."""
        if self.pid is not None:
            return
        if listening(self.port):
            raise PreflightFailed(f"port {self.port}, where {self._name()} was before, is taken by another")
        self._logged_before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            # A session of its own: a Ctrl-C in the terminal ends who started it, which then ends it in order.
            self._child = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                cwd=self.log.parent, env={**os.environ, **self._extra},
            )  # fmt: skip
        until = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if self._child.poll() is not None:
                raise PreflightFailed(f"{self._name()} ended with {self._child.returncode}: {self._last()}")
            if time.monotonic() > until:
                self.kill()
                raise PreflightFailed(
                    f"{self._name()} was not ready in {READY_SECONDS:.0f} s: {self._last()}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask it to end; what is still there after 40 s is killed."""
        if self._child is None or self._child.poll() is not None:
            return
        self.thaw()
        self._child.send_signal(self.stop_signal)
        try:
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL to it and to all its children, as when the machine loses power; back when all are gone."""
        if self._child is None or self._child.poll() is not None:
            return
        handles = []
        for pid in (self._child.pid, *_descendants(self._child.pid)):
            with suppress(ProcessLookupError):
                handles.append(os.pidfd_open(pid))
        for handle in handles:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        self._child.wait()
        for handle in handles:
            select.select([handle], [], [], STOP_SECONDS)
            os.close(handle)

    def freeze(self) -> None:
        """SIGSTOP: it is there and says nothing."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        if self.pid is not None:
            os.kill(self.pid, signal.SIGCONT)

    def _is_ready(self) -> bool:
        return listening(self.port) if self.ready is None else self.ready in self._logged()

    def _logged(self) -> str:
        with self.log.open("rb") as log:
            log.seek(self._logged_before)
            return log.read().decode(errors="replace")

    def _last(self) -> str:
        return f"see {self.log}\n{self._logged()[-1500:]}"

    def _name(self) -> str:
        return self.log.stem


def _tied(user: str | None) -> list[str]:
    """The prefix that ties a process to the life of its parent, and drops root's rights to `user`."""
    return [cache.tool("setpriv", "util-linux"), "--pdeathsig", "KILL", *cache.dropped(user), "--"]


def _descendants(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [found for child in map(int, children) for found in (child, *_descendants(child))]


class Server:
    """A server that is one process; a subclass makes it."""

    process: Process

    def start(self) -> None:
        self.process.start()

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
