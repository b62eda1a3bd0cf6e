"""The processes of a faulty run: workers that it kills, freezes and starts again, and a maintainer."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from tests.warm import Warm


class WorkerProcess:
    """A `driftledger worker`, or another command, under one name; `log` has what it said in all its lives."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path, command: str = "worker") -> None:
        self.name = name
        self.ended_by_itself: list[int] = []
        """Exit codes of lives that nobody ended."""
        self._environment = {**os.environ, **environment, "DRIFTLEDGER__WORKER__NAME": name}
        self._log, self._command = log, command
        self._child: Warm | None = None

    @property
    def runs(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def keep_running(self) -> None:
        """Start it unless it runs; a life that ended is noted."""
        if self.runs:
            return
        if self._child is not None and self._child.returncode != -signal.SIGKILL:
            self.ended_by_itself.append(self._child.returncode)
        self._child = Warm([self._command], self._environment, self._log)

    def signal(self, number: signal.Signals) -> bool:
        """Send it; False where the process is not there."""
        if self._child is None or self._child.poll() is not None:
            return False
        self._child.send_signal(number)
        return True

    def kill(self) -> bool:
        if not self.signal(signal.SIGKILL):
            return False
        assert self._child is not None
        self._child.wait()
        return True

    def stop(self, seconds: float = 15.0) -> int:
        """Ask it to end; its exit code."""
        if self._child is None:
            return 0
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            return self._child.wait(seconds)
        finally:
            self._child.kill()

    def said(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-1_500:] if self._log.exists() else ""
